"""Do the limits of channels, layers and models hold what trying every fault gives?"""

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from radhard.analyses import DeepVigorPlus
from radhard.scores import Scores
from tests.analyses.deepvigor.plus.exhausted import of_neurons, of_weights

LAYERS = (0, 3, 6, 8)
"""A convolution before a pooling layer, one after it, a hidden linear layer, and the last."""

Truth = dict[str, np.ndarray]


def trained(seed: int) -> tuple[nn.Sequential, Tensor]:
    """A small network that tells three blobs apart, and some of the images."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 2), nn.ReLU(), nn.Flatten(),
            nn.Linear(16, 36), nn.ReLU(), nn.Linear(36, 3),
        )  # fmt: skip
        labels = torch.randint(3, (120,))
        images = torch.randn(120, 1, 6, 6) + torch.randn(3, 1, 6, 6)[labels]
        descent = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(40):
            descent.zero_grad()
            F.cross_entropy(model(images), labels).backward()
            descent.step()
    return model.eval(), images[:14]


@cache
def network(seed: int) -> tuple[nn.Sequential, Tensor, Truth]:
    model, images = trained(seed)
    truth = {f"{at}.weight": of_weights(model, images, at) for at in LAYERS}
    truth |= {f"{at}": of_neurons(model, images, at) for at in LAYERS}
    return model, images, truth


@dataclass
class Tally:
    """Whether limits held, and how wide they are."""

    held: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    off: list[float] = field(default_factory=list)

    def add(self, low: float, value: float, high: float, truth: float) -> None:
        self.held.append(low - 1e-9 <= truth <= high + 1e-9)
        self.widths.append(high - low)
        self.off.append(value - truth)


def tally(scores: Scores, truth: Truth, into: dict[str, Tally]) -> None:
    assert scores.low is not None
    assert scores.high is not None
    for name, every in truth.items():
        for channel in np.flatnonzero(~np.isnan(scores[name])):
            limits = (each[name][channel] for each in (scores.low, scores, scores.high))
            into["channel"].add(*limits, every[channel])
        of_layer = scores.facts["lvf"][name]
        into["layer"].add(of_layer["low"], of_layer["value"], of_layer["high"], every.mean())
    for kind, own in (("weights", ".weight"), ("activations", "")):
        means = [
            every.mean() for name, every in truth.items() if name.endswith(own or tuple("0368"))
        ]
        found = scores.facts["mvf"][kind]
        into["model"].add(found["low"], found["value"], found["high"], float(np.mean(means)))


@pytest.mark.parametrize("seeds", [(0,), pytest.param((0, 1), marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("analysis", "widest"),
    [
        (DeepVigorPlus(), {"channel": 0.1, "layer": 0.06, "model": 0.055}),
        (DeepVigorPlus(grid="powers"), {"channel": 0.1, "layer": 0.06, "model": 0.055}),
        # Two of four channels say little of the layer.
        (DeepVigorPlus(channels=0.5), {"channel": 0.13, "layer": 0.6, "model": 0.4}),
    ],
    ids=repr,
)
def test_limits_at_95_percent_hold_and_say_something(
    analysis: DeepVigorPlus, widest: dict[str, float], seeds: tuple[int, ...]
) -> None:
    tallies = {name: Tally() for name in widest}
    for model, images, truth in map(network, seeds):
        tally(analysis(model, images, seed=0), truth, tallies)
    for name, found in tallies.items():
        assert np.mean(found.held) >= 0.93, name
        assert np.mean(found.widths) < widest[name], name
    # Neither always too low nor always too high: the mean factor is about 0.02.
    assert abs(np.mean(tallies["layer"].off)) < 0.001
