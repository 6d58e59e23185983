"""Which runs does a report have to cope with? Made by hand, without a forward pass."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from radhard import report
from radhard.faults import BitFlip, Burst, FaultModel, Replace, StuckAt
from radhard.formats import Fixed, Float32, Format, Int, stored_as
from radhard.results import Results
from radhard.samplers import (
    Cumulative,
    ErrorRate,
    Exhaustive,
    FaultCount,
    PerBit,
    PerTensor,
    Sampler,
    Uniform,
    UpsetRate,
)
from radhard.space import FaultSpace
from radhard.targets import Activations, Target, Weights

OUTCOME = [f"Outcome().{name}" for name in ("masked", "noncritical", "critical", "due")]
ACCURACY = ["Accuracy().accuracy", "Accuracy().drop"]
SAMPLES = 20

Critical = Callable[[int, np.random.Generator], float]
"""The share of answers that a trial changes, from the number of its (first) fault."""


def none(fault: int, chance: np.random.Generator) -> float:
    """No fault does any harm."""
    return 0.0


def high_bits(fault: int, chance: np.random.Generator) -> float:
    """Of every eight variants the last one changes some answers."""
    return round(float(chance.integers(1, SAMPLES + 1))) / SAMPLES if fault % 8 == 7 else 0.0


def network(layers: int = 2) -> nn.Module:
    """Some small linear layers."""
    torch.manual_seed(0)
    return nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(layers)))


def made(
    *,
    layers: int = 2,
    target: Target | None = None,
    fault: FaultModel | None = None,
    format: Format | None = None,
    sampler: Sampler | None = None,
    critical: Critical = high_bits,
    columns: Sequence[str] = (*OUTCOME, *ACCURACY),
    done: float = 1.0,
    names: dict[str, Any] | None = None,
    rename: str | None = None,
) -> Results:
    """Results as a campaign would leave them, with outcomes by a rule instead of a model.

    ``done`` is the share of trials that are executed; ``rename`` replaces the first tensor's name.
    """
    fault, format = fault or BitFlip(), format or Float32()
    model = stored_as(network(layers), format)
    data = torch.randn(SAMPLES, 4)
    space = FaultSpace.of(model, target or Weights("*"), fault, format, data=data)
    plain = space.to_dict()
    if rename is not None:
        plain["terms"][0]["sites"][0].update(name=rename, layer=rename, kind=rename)
    sampler = sampler or PerTensor(60)
    trials = sampler.draw(space, 1)
    chance = np.random.default_rng(0)
    rows = []
    for trial in range(int(done * len(trials))):
        faults = trials[trial]
        first = int(faults[0]) if len(faults) else 0
        changed = critical(first, chance)
        figures = {
            "masked": 1 - changed, "noncritical": 0.0, "critical": changed, "due": 0.0,
            "accuracy": 0.9 - changed * 0.9, "drop": changed * 0.9, "distance": 3 * changed,
        }  # fmt: skip
        single = first if trials.single else None
        values = [figures[column.rpartition(".")[2]] for column in columns]
        rows.append((trial, single, len(faults), *values))
    ranges = {"drop": [-1.0, 1.0], "distance": [0.0, float("inf")]}
    manifest = {
        "space": plain,
        "sampler": repr(sampler),
        "seed": 1,
        "metrics": sorted({column.rpartition(".")[0] for column in columns}),
        "columns": list(columns),
        "ranges": [ranges.get(c.rpartition(".")[2], [0.0, 1.0]) for c in columns],
        "planned": len(trials),
        "samples": SAMPLES,
        "notes": ["The model was in training mode; it ran in evaluation mode."],
        "environment": {"radhard": "0.1.0", "python": "3.11"},
        **(names or {}),
    }
    return Results(manifest, pd.DataFrame(rows, columns=["trial", "fault", "faults", *columns]))


CASES: dict[str, Callable[[], Results]] = {
    "nothing happened": lambda: made(critical=none, format=Int(8), sampler=Uniform(80)),
    "one tensor and bit": lambda: made(layers=1, fault=BitFlip(bits=30), sampler=PerTensor(10)),
    "a hundred tensors": lambda: made(layers=100, format=Int(8), sampler=PerTensor(2)),
    "unfinished": lambda: made(done=0.3, columns=OUTCOME, format=Int(8)),
    "not begun": lambda: made(done=0.0, format=Int(8)),
    "accuracy only": lambda: made(columns=ACCURACY, fault=BitFlip(count=2), format=Int(8)),
    "distance only": lambda: made(
        columns=["Distance().distance"], format=Int(8), sampler=Uniform(80)
    ),
    "activations": lambda: made(
        target=Activations("*"), critical=lambda fault, chance: float(fault % 8 == 7)
    ),
    "error rates": lambda: made(sampler=ErrorRate((0.0, 1e-4, 1e-3), trials=20)),
    "one error rate": lambda: made(format=Int(8), sampler=ErrorRate(1e-3, trials=20, per="word")),
    "accumulated errors": lambda: made(sampler=Cumulative(6, repeats=5)),
    "numbers of errors": lambda: made(sampler=FaultCount((1, 10), trials=9)),
    "upset rates": lambda: made(
        target=Activations("*"), sampler=UpsetRate((1e-3, 0.1), count=2, trials=6)
    ),
    "whole words": lambda: made(fault=Replace("random"), sampler=PerTensor(20)),
    "stuck bits": lambda: made(fault=StuckAt(1), format=Fixed(1, 6), sampler=PerTensor(margin=0.1)),
    "bursts": lambda: made(fault=Burst(3), format=Int(8), sampler=PerBit(3)),
    "all faults": lambda: made(format=Int(4), sampler=Exhaustive()),
}
"""Every kind of run that reads differently."""


@functools.cache
def rendered(case: str) -> tuple[Results, str, str]:
    """The results of a case, their page and its twin, made once for all tests."""
    results = CASES[case]()
    store = "runs/a-rather-long-name-of-a-run.db"
    return results, report.html(results, store=store), report.markdown(results, store=store)
