"""How much faster are several processes than one?"""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.engine import call
from benchmarks.pairs import Ratio
from benchmarks.row import Row

__all__ = ["Sped", "sped"]


@dataclass(frozen=True)
class Sped:
    """The same campaign by one worker and by two, in turn."""

    name: str
    words: str
    reach: float
    trials: int
    one: list[float] = field(repr=False)
    """Seconds on the wall of the whole call."""
    two: list[float] = field(repr=False)
    ratio: Ratio
    identical: bool
    """Whether every figure of every trial is the same."""

    @property
    def reached(self) -> bool:
        """Whether the ratio is what it has to be."""
        return self.ratio.median >= self.reach


def sped(row: Row, *, quick: bool) -> Sped:
    """One worker and two in turn."""
    size, work = row.size(quick), row.make(quick)
    call(row, work, 1, workers=1)
    one, two, identical = [], [], True
    for repeat in range(size.repeats):
        order = (1, 2) if repeat % 2 == 0 else (2, 1)
        done = {workers: call(row, work, size.trials, workers=workers) for workers in order}
        one.append(done[1].span.wall)
        two.append(done[2].span.wall)
        for column in done[1].results.columns:
            a, b = (done[workers].results.values(column) for workers in (1, 2))
            identical &= np.array_equal(a, b, equal_nan=True)
    ratio = Ratio.of(one, two)
    return Sped(row.name, row.words, row.reach, size.trials, one, two, ratio, identical)
