"""Are faults grouped by the channel of the layer's output that they are in?"""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from radhard.campaign import run
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32, Int, stored_as
from radhard.groups import Groups, labels
from radhard.samplers import Exhaustive, PerBit, Uniform
from radhard.space import FaultSpace
from radhard.targets import Activations, Biases, Weights


class Net(nn.Module):
    """One layer of each kind whose channels lie on another axis."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2)
        self.up, self.tokens = nn.ConvTranspose2d(2, 3, 1), nn.Linear(4, 5)
        self.lstm = nn.LSTM(5, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.up(torch.relu(self.norm(self.conv(x))))
        return self.lstm(self.tokens(y.flatten(2)))[0][:, -1]


AXES = {
    "conv.weight": 0, "norm.weight": 0, "up.weight": 1, "tokens.weight": 0,
    "conv.bias": 0, "norm.bias": 0, "up.bias": 0, "tokens.bias": 0,
    "conv": 0, "norm": 0, "up": 0, "tokens": 1,
}  # fmt: skip
"""The axis of the output channels; those of an LSTM have none, but rows of gates."""

DATA = torch.randn(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))


def space_of(kind: str) -> FaultSpace:
    flips = BitFlip(bits=(3, 6))
    if kind == "outputs":
        return FaultSpace.of(Net(), Activations("*"), flips, Float32(), data=DATA)
    target = Weights("*") if kind == "weights" else Biases("*")
    return FaultSpace.of(stored_as(Net(), Int(8)), target, flips, Int(8))


def by_hand(space: FaultSpace) -> list[str]:
    names = []
    for place, word, _ in np.stack(space.locate(np.arange(len(space)))).T.tolist():
        site = space.regions[place].site
        index = np.unravel_index(word % int(np.prod(site.shape)), site.shape)
        channel = str(int(index[AXES[site.name]])) if site.name in AXES else "(none)"
        names.append(f"{site.name}, {channel}")
    return names


@pytest.mark.parametrize("kind", ["weights", "biases", "outputs"])
def test_groups_are_those_of_counting_fault_by_fault(kind):
    space = space_of(kind)
    names = by_hand(space)
    every = Counter(names)
    assert set(labels(space, "tensor, channel")) == set(every)
    for sampler in (Exhaustive(), Uniform(40), PerBit(3)):
        trials = sampler.draw(space, seed=1)
        numbers = np.arange(len(trials))
        found = dict(Groups(space, trials, numbers, "tensor, channel").split())
        struck = Counter(names[int(fault)] for fault in trials.at(numbers))
        assert {name: sum(len(r) for r, _ in parts) for name, parts in found.items()} == struck
        assert all(sum(n for _, n in parts) == every[name] for name, parts in found.items())


def test_runs_have_rates_by_channel_also_where_their_means_are_divided_by_direction():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    results = run(model, torch.randn(4, 4), space, Uniform(400), progress=False, audit=0)
    rates = results.rate(by="tensor, channel")
    assert list(rates) == [
        "0.weight, 0",
        "0.weight, 1",
        "0.weight, 2",
        "2.weight, 0",
        "2.weight, 1",
    ]
    assert sum(rate.trials for rate in rates.values()) == 400
    values = results.values()
    for name, rate in rates.items():
        tensor, channel = name.split(", ")
        rows = [
            (fault.tensor, str(fault.word // space.sites[0 if tensor[0] == "0" else 1].shape[1]))
            == (tensor, channel)
            for fault in (space[int(n)] for n in results.trials.at(results.numbers))
        ]
        assert rate.value == pytest.approx(values[rows].mean())
    with pytest.raises(InputError, match="in a channel are not counted by direction"):
        results.rate(by="channel, direction")
