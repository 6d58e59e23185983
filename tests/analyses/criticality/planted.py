"""In which networks and campaigns is it known which bits are critical?"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from radhard.analyses.criticality import Measurements, measurements
from radhard.faults import BitFlip
from radhard.formats import Float32, Format
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import FaultSpace, Numbers
from radhard.targets import Biases, Weights
from tests.small import prepared

__all__ = ["COLUMNS", "RANGES", "fault_space", "model", "planted", "results"]

COLUMNS = ("Accuracy().accuracy", "Accuracy().drop")
RANGES = ((0.0, 1.0), (-1.0, 1.0))

Verdicts = npt.NDArray[np.bool_]


def model(wide: int = 12, seed: int = 5) -> nn.Sequential:
    """Two layers; every word is a multiple of 1/64, so that narrow formats can store it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = nn.Sequential(nn.Linear(6, wide), nn.ReLU(), nn.Linear(wide, 3)).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_((parameter * 64).round() / 64)
    return found


def fault_space(
    network: nn.Module, format: Format | None = None, *, biases: bool = False
) -> FaultSpace:
    """Single flips in all weights, and in all biases if asked for."""
    targets = [Weights("*"), Biases("*")] if biases else [Weights("*")]
    return FaultSpace.of(network, targets, BitFlip(), format or Float32())


def planted(
    space: FaultSpace, sampler: Sampler, rule: Callable[[Numbers, Numbers, Numbers], Verdicts]
) -> Measurements:
    """A campaign in which ``rule`` of places, words and variants decides what is critical.

    A critical flip costs 20 points of the accuracy, any other flip nothing.
    """
    return measurements(results(space, sampler, rule))


def results(
    space: FaultSpace, sampler: Sampler, rule: Callable[[Numbers, Numbers, Numbers], Verdicts]
) -> Results:
    """The campaign of `planted`."""

    def figures(faults: Numbers) -> npt.NDArray[np.float64]:
        drops = 0.2 * rule(*space.locate(faults))
        return np.stack([0.9 - drops, drops], axis=1)

    return prepared(space, sampler, figures, columns=COLUMNS, ranges=RANGES)
