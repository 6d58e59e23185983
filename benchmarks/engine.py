"""How is an engine called, as a user would, and how long does that take?"""

from dataclasses import dataclass
from typing import Any

import radhard as rh
from benchmarks.clock import Clock, Span
from benchmarks.row import Row, Work

__all__ = ["Called", "call"]


@dataclass(frozen=True)
class Called:
    """A whole call of ``radhard.run``."""

    span: Span
    results: rh.Results


def call(row: Row, work: Work, trials: int, **options: Any) -> Called:
    """Run a campaign; the clock counts all of the call."""
    clock = Clock()
    results = rh.run(
        work.model,
        work.data,
        work.space,
        row.sampler(trials),
        metrics=row.metrics,
        engine=row.engine,
        seed=1,
        progress=False,
        audit=row.audit,
        **options,
    )
    return Called(clock.read(), results)
