"""Which stratum sets the limits of a rate, and how many more trials would narrow them?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from radhard.results import Results
from radhard.stats import Cell, Estimate, percent, stratified_mean

__all__ = ["Narrowing", "is_wide", "narrowing"]

_TESTED = 3
"""Strata with the largest contributions to the variance, whose intervals are computed."""
_MOST_TIMES = 64
"""How many times the trials of a stratum are multiplied at most."""
_CLOSE = 1e-6
"""Relative error of widths, at most."""
_MOST_TRIALS = 200_000
"""Of a run; with more, the limits of hypothetical runs take too long."""


@final
@dataclass(frozen=True)
class Narrowing:
    """What would make the interval of a rate half as wide, or narrower still.

    ``trials`` are the additional ones, under the assumption that they show what the present ones
    show: in ``stratum`` if ``alone``, otherwise in all strata in proportion.
    """

    stratum: str
    """The stratum to which the width of the interval is most sensitive."""
    share: float
    """Of the fault space, in this stratum."""
    trials: int
    alone: bool

    def __str__(self) -> str:
        number = f"about {float(f'{self.trials:.2g}'):,.0f} more trials"
        if self.share == 1:
            return f"{number} would halve it"
        where = "there" if self.alone else "in all strata"
        return (
            f"mostly due to {self.stratum} ({percent(self.share)} of the faults); {number} {where} "
            "would halve it"
        )


def is_wide(estimate: Estimate) -> bool:
    """Whether the interval of a share is wider than the share.

    >>> is_wide(Estimate(0.01, 0.005, 0.02, confidence=0.95, trials=800))
    True
    >>> is_wide(Estimate(0.10, 0.08, 0.12, confidence=0.95, trials=800))
    False
    """
    return estimate.high - estimate.low > estimate.value


def narrowing(results: Results, name: str | None = None) -> Narrowing | None:
    """What would make the interval of a rate half as wide.

    None if that is not known: for trials of many faults or drawn together, a figure without bounds,
    rates that are corrected for inferred verdicts, where caps left faults untried, or for several
    hundred thousand trials; also if even 64 times as many trials would not suffice.
    """
    column = results.column(name)
    low, high = results.ranges[column]
    trials = results.trials
    if (
        not trials.single
        or trials.together > 1
        or trials.listed is not None
        or results.inferred
        or results.inferences
        or results.untried
        or trials.capped is not None
        or not np.isfinite([low, high]).all()
        or not 0 < len(results) <= _MOST_TRIALS
    ):
        return None
    groups = results.means.groups(None)
    ((_, parts),) = groups.split()
    cells = groups.cells(parts, (results.values(column) - low) / (high - low))
    # Without a grouping there is one part for each stratum.
    names = [stratum.name for stratum in trials.strata if stratum.population]
    if len(names) != len(cells) or any(cell.population is None for cell in cells):
        return None
    total = sum(cell.population or 0 for cell in cells)
    # Limits are found to a small error, and those of a small space change in steps: half of a step
    # must not be missed by rounding.
    goal = _width(cells) / 2 * (1 + _CLOSE)
    if not goal:
        return None
    likely = sorted(range(len(cells)), key=lambda at: -_variance(cells[at], total))[:_TESTED]
    decisive = min(likely, key=lambda at: _width(_enlarged(cells, [at], 2.0)))
    share = (cells[decisive].population or 0) / total
    for positions in ([decisive], list(range(len(cells)))):
        if (enlarged := _narrow(cells, positions, goal)) is not None:
            more = _trials(enlarged) - _trials(cells)
            return Narrowing(names[decisive], share, more, alone=len(positions) == 1)
    return None


def _width(cells: Sequence[Cell]) -> float:
    estimate = stratified_mean(cells)
    return estimate.high - estimate.low


def _trials(cells: Sequence[Cell]) -> int:
    return sum(np.size(cell.values) for cell in cells)


def _variance(cell: Cell, total: int) -> float:
    """Of the mean, from this stratum, as if one more trial had had either extreme value."""
    number = np.size(cell.values)
    share = (float(np.sum(cell.values)) + 1) / (number + 2)
    left = 1 - number / (cell.population or 1)
    return ((cell.population or 0) / total) ** 2 * share * (1 - share) * left / (number + 1)


def _enlarged(cells: Sequence[Cell], positions: Sequence[int], times: float) -> list[Cell]:
    """The cells, some with more trials whose values are distributed as those that there are."""
    chosen = set(positions)
    return [_repeated(cell, times) if at in chosen else cell for at, cell in enumerate(cells)]


def _repeated(cell: Cell, times: float) -> Cell:
    number = np.size(cell.values)
    wanted = min(round(times * number), cell.population or 0)
    # Evenly spaced quantiles: every value as often as before, in proportion.
    at = ((np.arange(wanted) + 0.5) * number / max(wanted, 1)).astype(np.int64)
    return replace(cell, values=np.sort(np.asarray(cell.values, dtype=float))[at])


def _narrow(cells: Sequence[Cell], positions: Sequence[int], goal: float) -> list[Cell] | None:
    """The cells, enlarged by the least factor (to 2 %) that narrows the interval to ``goal``.

    None if there is none up to the maximum.
    """
    low, high = 1.0, 2.0
    while _width(_enlarged(cells, positions, high)) > goal:
        if high >= _MOST_TIMES:
            return None
        low, high = high, 2 * high
    while high / low > 1.02:
        middle = (low * high) ** 0.5
        enough = _width(_enlarged(cells, positions, middle)) <= goal
        low, high = (low, middle) if enough else (middle, high)
    return _enlarged(cells, positions, high)
