"""Is one run better than another, in pairs of trials with the same fault?"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radhard.arguments import named_options, number_in
from radhard.comparison.pair_difference import PairDifference
from radhard.errors import InputError, RadhardWarning
from radhard.escaping import printable
from radhard.groups import labels
from radhard.notebook import html_table
from radhard.plots import plot_pairs
from radhard.results import Results
from radhard.samplers import StagedSampler
from radhard.space import FaultSpace
from radhard.stats import Estimate, estimate_column, p_text, p_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison", "Row", "compare"]


@dataclass(frozen=True)
class Row:
    """One figure before and after, and the difference (after minus before)."""

    group: str
    before: Estimate
    after: Estimate
    difference: Estimate
    p_value: float
    """The smallest level at which the interval of the difference excludes 0."""
    lower: int
    equal: int
    higher: int
    """Pairs of trials in which the figure is lower, equal or higher after.

    0 without pairs, or if one run knows a figure of all samples and the other one of one sample."""
    reduction: Estimate | None = None
    """The share by which the figure is lower after; None without pairs, or if it may not be."""

    @property
    def against_pairs(self) -> str:
        """Why the figure falls where most of the pairs that differ rise, or the other way round.

        Empty if both go the same way.
        """
        change = self.difference.value
        if change < 0 and self.higher > self.lower:
            falls, most = "falls", "higher"
        elif change > 0 and self.lower > self.higher:
            falls, most = "rises", "lower"
        else:
            return ""
        return (
            f"the rate {falls} although more pairs are {most}: a pair counts by how many "
            "predictions differ, and by how many faults its stratum stands for"
        )


@dataclass(frozen=True)
class Comparison:
    """One figure (a number that a metric returns), compared between two campaigns.

    ``paired`` is True if trial i has the same fault in both. Otherwise ``why_unpaired`` contains
    the reason, and the interval of the difference is that of two independent estimates.
    """

    column: str
    by: str | None
    rows: tuple[Row, ...]
    why_unpaired: str

    @property
    def paired(self) -> bool:
        """Whether trial i has the same fault in both."""
        return not self.why_unpaired

    def to_frame(self) -> pd.DataFrame:
        """One row per group."""
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

    def _repr_html_(self) -> str:
        names = ("before", "after", "difference")
        texts = [estimate_column([getattr(row, name) for row in self.rows]) for name in names]
        rows = [
            (row.group, *map(str, cells), p_text(row.p_value))
            for row, *cells in zip(self.rows, *texts, strict=True)
        ]
        how = "the same faults" if self.paired else f"not paired: {self.why_unpaired}"
        head = [self.by or "", *names, "p"]
        return html_table(head, rows, title=f"{self.column}, {how}")

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw both rates of every group with their intervals into axes of matplotlib.

        Returns the axes; without ``axes``, the current ones of ``matplotlib.pyplot`` are used.
        """
        before = {row.group: row.before for row in self.rows}
        after = {row.group: row.after for row in self.rows}
        return plot_pairs(before, after, axes, what=self.column)

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
            summary = p_text(row.p_value, "p")
            if pairs := row.lower + row.equal + row.higher:
                summary = (
                    f"{pairs:,} pairs: {row.lower:,} lower, {row.equal:,} equal, "
                    f"{row.higher:,} higher; {summary}"
                )
            lines.append(f"  {summary}")
            lines += [f"  {row.against_pairs}"] if row.against_pairs else []
        return "\n".join(lines)


@named_options()
def compare(
    before: Results | str | Path,
    after: Results | str | Path,
    name: str | None = None,
    *,
    by: str | None = None,
    confidence: float | str = 0.95,
) -> Comparison:
    """Compare a figure of two campaigns, overall or by group (see `Results.rate`).

    The campaigns are `Results`, or paths of their run files.

    If both ran the same faults (the same tensors, fault model, format, exposure, sampler and seed),
    and these have the same groups, trials are compared in pairs, which gives much narrower
    intervals than comparing two means.

    Raises:
        InputError: a figure or grouping that one of them lacks, or no common group.
    """
    before, after = _opened(before), _opened(after)
    for order, results in (("first", before), ("second", after)):
        if not isinstance(results, Results):
            raise InputError(
                f"the {order} run is {type(results).__name__}; give Results, as returned by run or "
                "Results.open(...)"
            )
    if before.manifest.get("hardening") and not after.manifest.get("hardening"):
        warnings.warn(
            "the first run is that of a hardened model, the second one is not: what is called "
            "before and after may be exchanged; compare(before, after) takes the unprotected model "
            "first",
            RadhardWarning,
            stacklevel=3,
        )
    column = before.column(name)
    if column not in after.columns:
        raise InputError(
            f"{column} is not a figure of the second run; it has {', '.join(after.columns)}"
        )
    if before.by_rate != after.by_rate:
        rates, single = ("first", "second") if before.by_rate else ("second", "first")
        raise InputError(
            f"the {rates} run has many faults per trial, the {single} run one "
            "fault per trial; their figures cannot be compared"
        )
    by, level = before.usual_split if by is None else by, number_in(confidence, "confidence")
    reason = _why_unpaired(before, after, by)
    rows = (
        _independent(before, after, column, by, level)
        if reason
        else _paired(before, after, column, by, level)
    )
    if not rows:
        raise InputError(
            "the two runs have no trials in common"
            if by is None
            else f"the two runs have no {by} in common: {_span(before, by)} in the first, "
            f"{_span(after, by)} in the second; compare them by another split, or as a whole"
        )
    return Comparison(column, by, tuple(rows), reason)


def _opened(run: Results | str | Path) -> Results:
    return Results.open(run) if isinstance(run, str | Path) else run


def _span(results: Results, by: str) -> str:
    """The first groups of a campaign, as text."""
    keys = [key for key, _ in results.means.groups(by).split()]
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


def _why_unpaired(before: Results, after: Results, by: str | None) -> str:
    for of, stored in (("faults", ""), ("formats", "stored as "), ("exposures", "")):
        old, new = (", ".join(map(repr, getattr(run.space, of))) for run in (before, after))
        if old != new:
            return f"{stored}{old} in the first run, {new} in the second"
    if _kinds(before.space) != _kinds(after.space):
        return "other tensors"
    if (repr(before.sampler), before.seed) != (repr(after.sampler), after.seed):
        return "other trials (sampler or seed)"
    if isinstance(before.sampler, StagedSampler) and not _same_faults(before, after):
        return "other trials (each run drew those that its own results asked for)"
    # With other samples, equal faults have effects on other predictions.
    if before.manifest.get("data fingerprint") != after.manifest.get("data fingerprint"):
        return "other data"
    if before.trials.capped or after.trials.capped:
        # Faults that caps left out were tried in neither: only the estimates of each run know them.
        return "trials drawn with caps"
    # The layer, kind or role of a tensor may differ where the tensor does not. Trials of many
    # faults are grouped by their strata, which are those of the sampler.
    if before.trials.single and labels(before.space, by) != labels(after.space, by):
        return f"other groups by {by}"
    if "direction" in (by or "") and not _same_directions(before, after):
        return "faults with other directions"
    return ""


def _same_faults(before: Results, after: Results) -> bool:
    """Whether every trial has the same fault in both runs."""
    old, new = (run.trials.at(np.arange(run.planned)) for run in (before, after))
    return np.array_equal(old, new)


def _same_directions(before: Results, after: Results) -> bool:
    """Whether every fault changes its value in the same direction in both runs."""
    old, new = before.trials.directions, after.trials.directions
    return old is not None and new is not None and np.array_equal(old.codes, new.codes)


def _kinds(space: FaultSpace) -> list[tuple[object, ...]]:
    """What each region of a space is, but for the scale of its tensor."""
    return [
        (
            r.site.name,
            r.site.shape,
            r.site.samples,
            repr(r.format),
            repr(r.fault),
            repr(r.exposure),
            r.plane,
            r.subset,
        )
        for r in space.regions
    ]


def _paired(
    before: Results, after: Results, column: str, by: str | None, confidence: float
) -> list[Row]:
    # Runs may be unfinished, and lack other trials each.
    first, second = (run.means.with_known(column).numbers for run in (before, after))
    both = np.intersect1d(first, second)
    old, new = before.only(both), after.only(both)
    # Of the trials that both runs have and with the same weights, so that the difference is that of
    # the two figures shown.
    groups = old.means.groups(by, post_stratified=not new.means.infers)
    pairs = PairDifference(old, new, column, groups)
    rows = []
    differences = pairs.differences()
    counts = pairs.alike
    for key, parts in groups.split():
        difference = pairs.estimate(parts, confidence)
        in_group = np.concatenate([differences[rows_] for rows_, _ in parts])
        rows.append(
            Row(
                key,
                old.means.estimate(groups, parts, column, confidence, whole=by is None),
                new.means.estimate(groups, parts, column, confidence, whole=by is None),
                difference,
                p_value(partial(pairs.estimate, parts)),
                counts * int((in_group < 0).sum()),
                counts * int((in_group == 0).sum()),
                counts * int((in_group > 0).sum()),
                pairs.reduction(parts, confidence) if difference.high < 0 else None,
            )
        )
    return rows


def _independent(
    before: Results, after: Results, column: str, by: str | None, confidence: float
) -> list[Row]:
    first, second = before.means.intervals(column, by), after.means.intervals(column, by)
    rows = []
    # A group of one run alone has nothing to be compared with.
    for key in (key for key in first if key in second):
        difference = partial(_independent_difference, first[key], second[key])
        old, new = first[key](confidence), second[key](confidence)
        rows.append(Row(key, old, new, difference(confidence), p_value(difference), 0, 0, 0))
    return rows


def _independent_difference(
    before: Callable[[float], Estimate], after: Callable[[float], Estimate], confidence: float
) -> Estimate:
    """The difference of two independent estimates.

    Its limits are computed from those of both (Zou and Donner, Statistics in Medicine 2008).
    """
    old, new = before(confidence), after(confidence)
    # Rounded, so that the difference of equal rates is exactly 0.
    value = round(new.value - old.value, 12)
    down = math.hypot(new.value - new.low, old.high - old.value)
    up = math.hypot(new.high - new.value, old.value - old.low)
    return Estimate(value, value - down, value + up, confidence, min(old.trials, new.trials))
