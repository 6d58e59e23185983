"""How is an engine called, as a user would, and how long does that take?"""

import inspect
from dataclasses import dataclass
from typing import Any

from benchmarks.clock import Clock, Span
from benchmarks.row import Row, Work
from radhard.campaign import run
from radhard.engines import ENGINES
from radhard.errors import InputError
from radhard.metrics import METRICS, Metric
from radhard.results import Results
from radhard.samplers import SAMPLERS, Sampler

__all__ = ["Called", "call", "missing"]


@dataclass(frozen=True)
class Called:
    """A whole call of ``radhard.run``."""

    span: Span
    results: Results


def missing(row: Row, *options: str) -> str | None:
    """What a row needs and is not built, or None: a component, an argument of ``radhard.run``."""
    try:
        _parts(row, 1)
    except InputError as error:
        return str(error).partition(":")[0]
    known = inspect.signature(run).parameters
    return next((f"run({option}=)" for option in options if option not in known), None)


def call(row: Row, work: Work, trials: int, **options: Any) -> Called:
    """Run a campaign; the clock counts all of the call.

    The audit through `Serial` is off: the naive loop beside it is one, and a larger one.
    """
    engine, sampler, metrics = _parts(row, trials)
    clock = Clock()
    results = run(
        work.model,
        work.data,
        work.space,
        sampler,
        metrics=metrics,
        engine=engine,
        seed=1,
        progress=False,
        audit=0,
        **options,
    )
    return Called(clock.read(), results)


def _parts(row: Row, trials: int) -> tuple[Any, Sampler, list[Metric]]:
    engine = row.engine if row.engine == "auto" else ENGINES.parse(row.engine)
    sampler = SAMPLERS.parse(row.sampler(trials))
    return engine, sampler, [METRICS.parse(metric) for metric in row.metrics]
