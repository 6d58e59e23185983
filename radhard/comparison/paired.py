"""Did it get better, trial against trial where the faults are the same?"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from radhard.engines.correction import Correction
from radhard.errors import InputError
from radhard.escaping import printable
from radhard.groups import Groups, Parts
from radhard.results import Results
from radhard.stats import Estimate, mean_difference, p_value

__all__ = ["Comparison", "Row", "compare"]


@dataclass(frozen=True)
class Row:
    """One figure before and after, and the difference (after less before)."""

    group: str
    before: Estimate
    after: Estimate
    difference: Estimate
    p_value: float
    """The smallest level at which the interval of the difference excludes 0."""
    lower: int
    equal: int
    higher: int
    """Pairs of trials in which the figure fell, stayed, rose (0 where there are no pairs)."""


@dataclass(frozen=True)
class Comparison:
    """Two campaigns side by side for one figure.

    ``paired`` says whether trial i is the same fault in both; if not, ``why_unpaired`` says why,
    and the interval of the difference is that of two independent estimates.
    """

    column: str
    by: str | None
    rows: tuple[Row, ...]
    why_unpaired: str

    @property
    def paired(self) -> bool:
        """Whether trial i is the same fault in both."""
        return not self.why_unpaired

    def to_frame(self) -> pd.DataFrame:
        """One row a group."""
        return pd.DataFrame(
            {
                "group": row.group,
                **{
                    f"{name} {part}": getattr(getattr(row, name), part)
                    for name in ("before", "after", "difference")
                    for part in ("value", "low", "high")
                },
                "p": row.p_value,
            }
            for row in self.rows
        )

    def __repr__(self) -> str:
        lines = [
            f"{self.column}, "
            + ("the same faults" if self.paired else f"not paired: {self.why_unpaired}")
        ]
        for row in self.rows:
            lines += [f"{printable(row.group)}:"] if row.group else []
            lines += [
                f"  before      {row.before}",
                f"  after       {row.after}",
                f"  difference  {row.difference}",
            ]
            said = f"p = {row.p_value:.2g}"
            if pairs := row.lower + row.equal + row.higher:
                said = (
                    f"of {pairs:,} pairs {row.lower:,} lower, {row.equal:,} equal, "
                    f"{row.higher:,} higher; {said}"
                )
            lines.append(f"  {said}")
        return "\n".join(lines)


def compare(
    before: Results,
    after: Results,
    name: str | None = None,
    *,
    by: str | None = None,
    confidence: float = 0.95,
) -> Comparison:
    """Compare a figure of two campaigns, overall or by group (see `Results.rate`).

    Where both ran the same faults (the same tensors, fault model, format, sampler and seed), trials
    are compared in pairs, which is far sharper than comparing two means.

    Raises:
        InputError: a figure or grouping that either lacks, or no group that both have.
    """
    for which, results in (("first", before), ("second", after)):
        if not isinstance(results, Results):
            raise InputError(
                f"the {which} run is {type(results).__name__}; give Results, as run returns them "
                "or Results.open(...) reads them"
            )
    column = before.column(name)
    if column not in after.columns:
        raise InputError(
            f"{column} is not a figure of the second run; it has {', '.join(after.columns)}"
        )
    if before.by_rate != after.by_rate:
        rates, single = ("first", "second") if before.by_rate else ("second", "first")
        raise InputError(
            f"the {rates} run strikes many faults at an error rate, the {single} one a trial: "
            "their figures mean different things and are not compared"
        )
    by = "rate" if by is None and before.by_rate else by
    reason = _why_unpaired(before, after)
    rows = (
        _independent(before, after, column, by, confidence)
        if reason
        else _paired(before, after, column, by, confidence)
    )
    if not rows:
        raise InputError("the two runs have no trials in common")
    return Comparison(column, by, tuple(rows), reason)


def _why_unpaired(before: Results, after: Results) -> str:
    one, two = before.space, after.space
    if repr(one.fault) != repr(two.fault):
        return f"{one.fault!r} before, {two.fault!r} after"
    if repr(one.format) != repr(two.format):
        return f"stored as {one.format!r} before, {two.format!r} after"
    if [(s.name, s.shape, s.samples) for s in one.sites] != [
        (s.name, s.shape, s.samples) for s in two.sites
    ]:
        return "other tensors"
    if (repr(before.sampler), before.seed) != (repr(after.sampler), after.seed):
        return "other trials (sampler or seed)"
    if before.manifest.get("data fingerprint") != after.manifest.get("data fingerprint"):
        return "other data"
    return ""


def _paired(
    before: Results, after: Results, column: str, by: str | None, confidence: float
) -> list[Row]:
    both = np.intersect1d(before.numbers, after.numbers)
    old, new = before.only(both), after.only(both)
    (low, high), (new_low, new_high) = before.ranges[column], after.ranges[column]
    scale = max(high - new_low, new_high - low)
    if not np.isfinite(scale):
        raise InputError(f"{column} has no bounds; compare quantiles instead")
    groups = Groups(old.space, old.trials, both, by)
    first, second = old.estimates(column, by, confidence), new.estimates(column, by, confidence)
    rows = []
    found = (new.values(column) - old.values(column)) / scale

    def at(parts: Parts, confidence: float) -> Estimate:
        was, now = (run.correction(groups, parts, column, confidence) for run in (old, new))
        added = (now.rows - was.rows) / scale
        cells = groups.cells(parts, now.within(found, added, -1.0))
        chance = mean_difference(cells, confidence=confidence)
        errors = Correction(
            now.rows, math.hypot(now.above, was.below), math.hypot(now.below, was.above)
        )
        tried = sum(len(rows) for rows, _ in parts)
        value = groups.mean(parts, found + added)
        difference = errors.around(value, chance, tried, least=-1.0, scale=scale)
        return difference.map(lambda x: x * scale, "share")

    for key, parts in groups.split():
        taken = np.concatenate([found[rows_] for rows_, _ in parts])
        rows.append(
            Row(
                key,
                first[key],
                second[key],
                at(parts, confidence),
                p_value(partial(at, parts)),
                int((taken < 0).sum()),
                int((taken == 0).sum()),
                int((taken > 0).sum()),
            )
        )
    return rows


def _independent(
    before: Results, after: Results, column: str, by: str | None, confidence: float
) -> list[Row]:
    first, second = before.intervals(column, by), after.intervals(column, by)
    rows = []
    for key in (key for key in first if key in second):
        at = partial(_apart, first[key], second[key])
        old, new = first[key](confidence), second[key](confidence)
        rows.append(Row(key, old, new, at(confidence), p_value(at), 0, 0, 0))
    return rows


def _apart(
    before: Callable[[float], Estimate], after: Callable[[float], Estimate], confidence: float
) -> Estimate:
    """The difference of two independent figures.

    Its limits come from the limits of both sides (Zou and Donner, Statistics in Medicine 2008).
    """
    old, new = before(confidence), after(confidence)
    # Rounded, so that equal rates differ by zero.
    value = round(new.value - old.value, 12)
    down = math.hypot(new.value - new.low, old.high - old.value)
    up = math.hypot(new.high - new.value, old.value - old.low)
    return Estimate(value, value - down, value + up, confidence, min(old.trials, new.trials))
