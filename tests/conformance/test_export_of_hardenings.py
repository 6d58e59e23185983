"""Do hardened models go through torch.export and torch.compile?"""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from radhard.analyses import MaxValue
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.hardenings import Hardening, SelectiveEcc
from tests.conformance.hardening_examples import EXAMPLES
from tests.conformance.hardening_subject import samples

FIRST = {type(hardening): hardening for hardening in reversed(EXAMPLES)}.values()
"""The first example of every component; the others insert parts of the same classes."""


def network() -> nn.Sequential:
    """One layer of each kind: an export takes as long as there are parts."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        layers = OrderedDict(
            conv1=nn.Conv2d(1, 4, 3, padding=1),
            relu1=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(4 * 3 * 3, 3),
        )
        return nn.Sequential(layers).eval()


def data() -> Data:
    """Noise, labelled as the network answers."""
    inputs = samples().inputs
    return Data(inputs, network()(inputs).argmax(1).detach())


def marks(hardening: Hardening) -> tuple[pytest.MarkDecorator, ...]:
    return () if hardening in FIRST else (pytest.mark.slow,)


@pytest.mark.filterwarnings("ignore:.*too few samples")
@pytest.mark.parametrize(
    "hardening", [pytest.param(one, id=repr(one), marks=marks(one)) for one in EXAMPLES]
)
def test_it_goes_through_torch_export_and_dynamo(hardening: Hardening) -> None:
    model, inputs = network(), data().inputs
    hard = hardening(model, data(), MaxValue()(model, data()), seed=1)
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
