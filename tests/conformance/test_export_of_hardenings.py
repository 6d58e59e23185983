"""Do hardened models go through torch.export and torch.compile?"""

import pytest
import torch

from radhard.analyses import MaxValue
from radhard.errors import InputError
from radhard.hardenings import Hardening, SelectiveEcc
from tests.conformance.hardening_examples import EXAMPLES
from tests.conformance.hardening_subject import network, samples

FIRST = {type(hardening): hardening for hardening in reversed(EXAMPLES)}.values()
"""The first example of every component; the others insert parts of the same classes."""


def marks(hardening: Hardening) -> tuple[pytest.MarkDecorator, ...]:
    return () if hardening in FIRST else (pytest.mark.slow,)


@pytest.mark.filterwarnings("ignore:.*too few samples")
@pytest.mark.parametrize(
    "hardening", [pytest.param(one, id=repr(one), marks=marks(one)) for one in EXAMPLES]
)
def test_it_goes_through_torch_export_and_dynamo(hardening: Hardening) -> None:
    model, inputs = network(), samples().inputs
    hard = hardening(model, samples(), MaxValue()(model, samples()), seed=1)
    with torch.no_grad():
        expected = hard(inputs)
        if isinstance(hardening, SelectiveEcc):
            with pytest.raises(InputError, match="follows from the signature"):
                torch.export.export(hard, (inputs,), strict=False)
            assert torch.equal(torch.compile(hard, backend="eager")(inputs), expected)
            return
        exported = torch.export.export(hard, (inputs,), strict=False).module()
        torch.testing.assert_close(exported(inputs), expected)
        compiled = torch.compile(hard, backend="eager")
        torch.testing.assert_close(compiled(inputs), expected)
