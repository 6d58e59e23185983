"""Are faults whose words are computed for several trials at once those that inject writes?"""

import numpy as np
import pytest
import torch
from torch import nn

from radhard.errors import InputError
from radhard.faults import BitFlip, Line
from radhard.formats import BFloat16, Float8E4M3, Float32, Int, SecDed, stored_as
from radhard.injection import TrialWords, inject, inject_words
from radhard.space import FaultSpace
from radhard.state import State
from radhard.targets import Activations, Biases, Weights
from tests.traces import traces


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        net = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 6), nn.Linear(6, 3))
    # Not contiguous, and with cells in between that belong to nobody.
    net[2].weight = nn.Parameter(torch.randn(6, 12).t()[::2].detach())
    return net.eval()


def drawn(space: FaultSpace, trials: int, most: int) -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.integers(0, len(space), rng.integers(0, most + 1)) for _ in range(trials)]


@pytest.mark.parametrize(
    ("format", "fault", "planes"),
    [
        (Float32(), BitFlip(), "codes"),
        (Int(8), BitFlip(), "codes"),
        (Int(8, per="channel"), BitFlip(), "codes"),
        (BFloat16(), BitFlip(count=2), "codes"),
        (Float8E4M3(), Line(BitFlip(), words=3), "codes"),
        (SecDed(Int(8), block=8), BitFlip(), "codes"),
        (SecDed(Int(8), block=8), BitFlip(), "check"),
    ],
    ids=repr,
)
def test_faults_of_many_trials_are_those_of_each(format, fault, planes):
    net = stored_as(network(), format)
    assert not net[2].weight.is_contiguous()
    space = FaultSpace.of(net, [Weights("*"), Biases("*")], fault, format, planes=planes)
    before, state = traces(net), State(net)
    # Several faults in one word, too, and trials without any.
    trials = [*drawn(space, 12, 40), np.zeros(0, np.int64), np.array([3, 3, 4])]
    for faults, words in zip(trials, TrialWords(net, space).of(trials), strict=True):
        assert words is not None
        with inject(net, space, faults, state=state):
            expected = traces(net)
        with inject_words(net, words, state):
            assert traces(net) == expected
        assert traces(net) == before


def test_faults_that_depend_on_others_or_flow_are_left_to_inject():
    net = stored_as(network(), Int(8))
    # Two tensors in one piece of memory, of which no word belongs to both.
    both = torch.randn(9, 6)
    net[2].weight, net[3].weight = nn.Parameter(both[:6]), nn.Parameter(both[6:])
    spaces = [
        FaultSpace.of(net, [Weights("2"), Weights("3")]),
        FaultSpace.of(net, Weights("0"), BitFlip(), Int(8), planes="scale"),
        FaultSpace.of(net, Activations("0"), data=torch.randn(4, 5)),
    ]
    last = [np.array([0, len(space) - 1]) for space in spaces]
    for space, faults in zip(spaces, last, strict=True):
        assert TrialWords(net, space).of([faults]) == [None]
    # Those in one of two tensors that share memory are not.
    first = TrialWords(net, spaces[0]).of([last[0][:1], last[0], last[0][1:]])
    assert [words is None for words in first] == [False, True, False]


def test_another_model_is_named():
    space = FaultSpace.of(network(), Weights("0"))
    with pytest.raises(InputError, match="in the fault space"):
        TrialWords(nn.Sequential(nn.Linear(4, 6)), space).of([np.array([0])])
