"""Are targets that are computed in every pass refused where stored ones are analyzed?"""

import pytest

from radhard.analyses import BitWise, Criticality
from radhard.errors import InputError
from radhard.targets import Activations, Biases, Buffers, Inputs, Weights


@pytest.mark.parametrize("analysis", [BitWise, Criticality])
@pytest.mark.parametrize("target", [Activations("*"), Inputs("*")])
def test_a_target_that_flows_is_refused_by_name(analysis, target):
    with pytest.raises(InputError, match=f"{analysis.__name__}: {type(target).__name__}"):
        analysis(targets=(Weights("*"), target))


@pytest.mark.parametrize("analysis", [BitWise, Criticality])
def test_stored_targets_are_allowed(analysis):
    every = (Weights("*"), Biases("*"), Buffers("*"))
    assert analysis(targets=every).targets == every
