"""Does every hardening keep the contract on a network with recurrent layers?"""

import copy
import functools
from collections import OrderedDict

import pytest
import torch
from torch import nn

from radhard.analyses import MaxValue
from radhard.campaign import run
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.hardenings import Hardening, load, parts, save
from radhard.manifest import fingerprint
from radhard.models.series_classifier import LastStep
from radhard.samplers import Uniform
from radhard.space import FaultSpace
from radhard.targets import HiddenStates, RecurrentWeights
from tests.conformance.hardening_examples import EXAMPLES

pytestmark = [
    pytest.mark.parametrize("hardening", EXAMPLES, ids=repr),
    pytest.mark.filterwarnings(
        "ignore:.*too few samples", "ignore:.*protects .*, not:", "ignore:.*analyzed .*, not:"
    ),
]


def network() -> nn.Sequential:
    """A stacked LSTM in both directions, and two linear layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        modules = OrderedDict(
            lstm=nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True),
            last=LastStep(),
            fc1=nn.Linear(8, 8),
            relu=nn.ReLU(),
            fc2=nn.Linear(8, 3),
        )
        # Larger than torch's, so that the answers are not all the same.
        for module in modules.values():
            for parameter in module.parameters():
                parameter.data.mul_(1.5)
    return nn.Sequential(modules).eval()


@functools.cache
def samples() -> Data:
    inputs = torch.randn(24, 5, 3, generator=torch.Generator().manual_seed(5))
    return Data(inputs, network()(inputs).argmax(1).detach())


@functools.cache
def first(hardening: Hardening) -> nn.Module | None:
    """The hardened network; None if there is nothing in it that this hardening can protect."""
    model = network()
    scores = MaxValue()(model, samples()) if needs_scores(hardening) else None
    try:
        return hardening(model, samples(), scores, seed=1)
    except InputError:
        return None


def needs_scores(hardening: Hardening) -> bool:
    return repr(hardening).startswith(("Selective", "Channel", "Tripl", "Vulner", "Sentinel"))


def test_what_protects_any_model_protects_this_one(hardening: Hardening) -> None:
    if first(hardening) is None:
        # Channels of convolutions are what these remove or copy; scores by tensor rank no elements.
        assert needs_scores(hardening)


def test_faults_in_its_states_and_weights_can_be_tried_on_it(hardening: Hardening) -> None:
    hard = first(hardening)
    if hard is None or not any(path.startswith("lstm") for path, _ in parts(hard)):
        return
    before = fingerprint(hard)
    for target in (RecurrentWeights("lstm"), HiddenStates("*", state="c", steps=2)):
        space = FaultSpace.of(network(), target, BitFlip(bits=30), Float32(), data=samples())
        assert len(run(hard, samples(), space, Uniform(3), engine="auto", audit=0)) == 3
    assert fingerprint(hard) == before


def test_it_is_saved_copied_and_restored_to_the_last_bit(hardening: Hardening, tmp_path) -> None:
    hard = first(hardening)
    if hard is None:
        return
    save(hard, tmp_path / "hard", base="none")
    again, twin = load(tmp_path / "hard", model=network()), copy.deepcopy(hard)
    assert fingerprint(again) == fingerprint(hard)
    assert dict(parts(again)).keys() == dict(parts(hard)).keys()
    inputs = samples().inputs
    with torch.no_grad():
        expected = hard(inputs)
        assert torch.equal(again(inputs), expected)
        assert torch.equal(twin(inputs), expected)
        names = network().state_dict().keys()
        assert names <= hard.state_dict().keys()
