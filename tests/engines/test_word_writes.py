"""Are the faults of a trial written as an injection into the model writes them?"""

from contextlib import ExitStack

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.engines.folded.word_writes import WordWrites
from radhard.faults import BitFlip, FaultModel, StuckAt
from radhard.formats import Float32, Int, stored_as
from radhard.injection import inject
from radhard.space import FaultSpace
from radhard.targets import Biases, Weights

FAULTS: list[FaultModel] = [BitFlip(), StuckAt(0), BitFlip(count=2)]


def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(8, 3)).eval()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(FAULTS), st.integers(0, 2**32), st.integers(1, 12))
def test_tensors_hold_what_an_injection_writes_and_come_back(
    fault: FaultModel, seed: int, count: int
) -> None:
    network = model()
    space = FaultSpace.of(network, [Weights("*"), Biases("*")], fault, Float32())
    rng = np.random.default_rng(seed)
    faults = np.sort(rng.choice(len(space), count, replace=False))
    # A convolution may be in channels-last memory, where a word's cell is not its number.
    own = {
        at: network.get_parameter(site.name).detach().clone(memory_format=_order(site.shape))
        for at, site in enumerate(space.sites)
    }
    golden = {slot: tensor.clone() for slot, tensor in own.items()}
    writes = WordWrites(space, [(at,) for at in own], own)
    # Among other trials, with several faults in some words, as the last of those at hand.
    others = [np.sort(rng.choice(len(space), 40, replace=False)) for _ in range(3)]
    found = writes.values([*others, faults])
    assert found is not None
    with ExitStack() as stack:
        changed = found.by_trial(4)[3].write(stack)
        with inject(network, space, faults):
            for at, site in enumerate(space.sites):
                faulty = network.get_parameter(site.name).detach()
                assert _same(own[at], faulty)
                differs = (_bits(faulty) != _bits(golden[at])).reshape(-1).nonzero()[:, 0]
                assert sorted(changed.get(at, [])) == differs.tolist()
    assert all(_same(own[slot], golden[slot]) for slot in own)


def test_faults_in_one_word_are_applied_one_after_another() -> None:
    network = model()
    space = FaultSpace.of(network, Weights("*"), StuckAt(1), Float32())
    own = {at: network.get_parameter(site.name).detach() for at, site in enumerate(space.sites)}
    faults = np.arange(32)  # every bit of the first word
    with ExitStack() as stack:
        assert WordWrites(space, [(at,) for at in own], own).inject(faults, stack) == {0: [0]}
        assert int(_bits(own[0]).reshape(-1)[0]) == -1


def test_words_that_share_a_scale_are_left_to_the_injection() -> None:
    stored = stored_as(model(), Int(8))
    space = FaultSpace.of(stored, Weights("*"), BitFlip(), Int(8))
    own = {at: stored.get_parameter(site.name).detach() for at, site in enumerate(space.sites)}
    writes = WordWrites(space, [(at,) for at in own], own)
    with ExitStack() as stack:
        assert writes.inject(np.array([0]), stack) is None


def _order(shape: tuple[int, ...]) -> torch.memory_format:
    return torch.channels_last if len(shape) == 4 else torch.contiguous_format


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(torch.int32)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(_bits(one), _bits(other))
