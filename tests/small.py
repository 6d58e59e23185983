"""Which small campaigns do the tests of runs and run files look at?"""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import nn

from radhard.campaign import run
from radhard.datasets import Data
from radhard.engines import Serial
from radhard.faults import BitFlip, FaultModel
from radhard.formats import Float32, Format
from radhard.results import Results
from radhard.samplers import Sampler, Uniform
from radhard.space import FaultSpace, Numbers
from radhard.targets import Site, Weights

__all__ = [
    "AFTER",
    "BEFORE",
    "Counting",
    "campaign",
    "data",
    "digest",
    "network",
    "prepared",
    "rows",
    "space",
    "tally",
    "without_checksums",
]


BEFORE = 2 + 8
"""Passes before the first trial: the golden ones, whether the model takes fewer samples than a
batch, and those that show what passes keep and read."""

AFTER = 1
"""Passes after the last trial: whether fault-free outputs are still what they were."""


class Counting(nn.Module):
    """A network that counts its forward passes and tells them to ``seen``."""

    def __init__(self, inner: nn.Module, seen: Callable[[int], None] = lambda n: None) -> None:
        super().__init__()
        self.inner, self.seen, self.count = inner, seen, tally()
        self.eval()

    @property
    def passes(self) -> int:
        return self.count(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen(self.count(1))
        return self.inner(x)


def tally() -> Callable[[int], int]:
    """A count that is kept outside the module, where a campaign does not put it back."""
    total = 0

    def more(n: int) -> int:
        nonlocal total
        total += n
        return total

    return more


def network(seed: int = 1) -> nn.Sequential:
    """Two layers of unequal size: 18 and 8 weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).eval()


def data(seed: int = 2, samples: int = 8) -> Data:
    """A few samples with two classes."""
    chance = torch.Generator().manual_seed(seed)
    inputs = torch.randn(samples, 3, generator=chance)
    return Data(inputs, (inputs.sum(dim=1) > 0).long())


def campaign(store: str | Path | None = None, **changed: Any) -> Results:
    """A campaign of 60 trials that takes no time; any argument of `run` may be changed."""
    model = changed.pop("model", None)
    model = network() if model is None else model
    faults = changed.pop("space", None)
    if faults is None:
        faults = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    asked: dict[str, Any] = {
        "data": data(),
        "sampler": Uniform(60),
        "seed": 3,
        "progress": False,
        "engine": Serial(),
        **changed,
    }
    given, sampler = asked.pop("data"), asked.pop("sampler")
    return run(model, given, faults, sampler, store=store, **asked)


def rows(path: str | Path) -> list[tuple[Any, ...]]:
    """The trials table as it lies in the file."""
    with sqlite3.connect(path) as db:
        found = db.execute("SELECT * FROM trials ORDER BY trial").fetchall()
    db.close()
    return found


def without_checksums(path: str | Path) -> None:
    """Make a run file one of the first layout, so that what is changed in it meets other checks."""
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE IF EXISTS checksums")
        db.execute("PRAGMA user_version = 1")
    db.close()


def digest(path: str | Path) -> list[str]:
    """The trials table, every number to its last bit."""
    return [repr(row) for row in rows(path)]


def space(
    words: tuple[int, ...] = (3, 5), fault: FaultModel | None = None, format: Format | None = None
) -> FaultSpace:
    """Faults in one-dimensional tensors ``a.weight``, ``b.weight``, ..., of so many words."""
    sites = [
        Site(f"{name}.weight", (size,), "weight", name, "Linear", "float32")
        for name, size in zip("abcdefgh", words, strict=False)
    ]
    fault = BitFlip(field="sign") if fault is None else fault
    return FaultSpace.of_sites(sites, fault, format or Float32(), targets=[Weights("*")])


def prepared(
    space: FaultSpace,
    sampler: Sampler,
    figures: Callable[[Numbers], ArrayLike],
    *,
    seed: int = 0,
    columns: tuple[str, ...] = ("Outcome().critical",),
    ranges: tuple[tuple[float, float], ...] = ((0.0, 1.0),),
    executed: Numbers | None = None,
    **manifest: Any,
) -> Results:
    """Results without a campaign: ``figures`` gives those of the faults of each trial."""
    trials = sampler.draw(space, seed)
    numbers = np.arange(len(trials)) if executed is None else executed
    if trials.single:
        faults = trials.at(numbers)
        values = np.asarray(figures(faults), dtype=float).reshape(len(faults), len(columns))
    else:
        faults = np.full(len(numbers), None)
        values = np.array([figures(trials[int(n)]) for n in numbers], dtype=float)
        values = values.reshape(len(numbers), len(columns))
    frame = pd.DataFrame({"trial": numbers, "fault": faults, "faults": 1})
    for at, column in enumerate(columns):
        frame[column] = values[:, at]
    said = {
        "space": space.to_dict(),
        "sampler": repr(sampler),
        "seed": seed,
        "metrics": ["Outcome()"],
        "columns": list(columns),
        "ranges": [list(bounds) for bounds in ranges],
        "planned": len(trials),
        "data fingerprint": "that of no data",
        **manifest,
    }
    return Results(json.loads(json.dumps(said)), frame)
