"""Which fault spaces are exhausted, so that their true rates are known?"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from radhard import models, run
from radhard.datasets import Data, mnist
from radhard.engines import Bracket
from radhard.faults import BitFlip
from radhard.formats import Float32, Format, Int, stored_as
from radhard.metrics import Critical
from radhard.samplers import Exhaustive
from radhard.space import FaultSpace
from radhard.targets import Biases, Weights

__all__ = ["POPULATIONS", "Population", "exhausted"]

SAMPLES = 50


@dataclass(frozen=True)
class Population:
    """A fault space of a model, and for each of its faults the share of the samples it harms."""

    model: nn.Module
    space: FaultSpace
    harm: NDArray[np.float64]


Made = tuple[nn.Module, Data, Format, bool]


def _lenet5() -> Made:
    return models.lenet5(), mnist(n=SAMPLES), Float32(), True


def _lenet5_int8() -> Made:
    return stored_as(models.lenet5(), Int(8)), mnist(n=SAMPLES), Int(8), True


def _mlp() -> Made:
    return models.mlp(), mnist(n=SAMPLES), Float32(), True


def _small_cnn() -> Made:
    """Two convolutions and a linear layer, trained here on noisy copies of ten prototypes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        prototypes = torch.randn(10, 1, 8, 8)
        labels = torch.arange(10).repeat(60)
        images = prototypes[labels] + 0.8 * torch.randn(600, 1, 8, 8)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 2), nn.ReLU(),
            nn.Flatten(), nn.Linear(32, 10),
        )  # fmt: skip
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(150):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
    kept = Data(images[550:], labels[550:])
    return model.eval(), kept, Float32(), False


POPULATIONS: dict[str, Callable[[], Made]] = {
    "LeNet-5": _lenet5,
    "LeNet-5, Int(8)": _lenet5_int8,
    "MLP": _mlp,
    "small CNN": _small_cnn,
}
"""Networks, data and formats; whether faults are injected into biases as well."""


def exhausted(name: str, folder: Path | None = None) -> Population:
    """Every fault of a population with its harm; computed once and then kept in ``folder``.

    ``folder`` is by default ``radhard/coverage`` in the user's cache. LeNet-5 takes about a minute.
    """
    model, data, format, biases = POPULATIONS[name]()
    target = [Weights("*"), Biases("*")] if biases else [Weights("*")]
    space = FaultSpace.of(model, target, BitFlip(), format)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = folder or cache / "radhard" / "coverage"
    path = folder / f"{name.replace(', ', '-').lower()}-{data.fingerprint()[:12]}.npy"
    if not path.exists():
        found = run(
            model, data, space, Exhaustive(), metrics=[Critical()], engine=Bracket(audit=0.0),
            audit=0.0, progress=False,
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, np.round(found.values() * len(data)).astype(np.uint8))
    return Population(model, space, np.load(path) / len(data))
