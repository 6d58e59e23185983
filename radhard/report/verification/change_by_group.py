"""In which tensors and bits, and under which faults, do the rates of two runs differ?"""

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from radhard.comparison import Row, compare
from radhard.errors import InputError
from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.change import change_of
from radhard.report.estimate_cells import COLUMNS, Reading, read_column, with_interval
from radhard.report.figures import dumbbells
from radhard.report.main_figure import MainFigure
from radhard.report.point_differences import in_points, numbers_in_points
from radhard.report.sections.bit_groups import bit_name
from radhard.report.verification.run_pair import RunPair
from radhard.stats import percent

__all__ = ["change_by_bit", "change_by_fault", "change_by_tensor", "rows_by_fault"]

_DRAWN = 16
"""Largest number of rows in a figure; the table has all of them."""

_BITS = re.compile(r"\d+(\+\d+)*")

_SEEN = 0.01
"""Rows with less than this share of the highest rate are not drawn: they would drown the others."""


def change_by_tensor(pair: RunPair, harm: MainFigure) -> Section | None:
    """The rate of every tensor in both runs; None at error rates, or without a common tensor."""
    return _section(pair, harm, "tensor", "tensors", "Tensors")


def change_by_bit(pair: RunPair, harm: MainFigure) -> Section | None:
    """The rate of every bit position in both runs; None where faults have no common positions."""
    if not all(fault.by_bit for run in pair.runs for fault in run.space.faults):
        return None
    if len({repr(format) for run in pair.runs for format in run.space.formats}) > 1:
        return None  # bit 7 of one format has nothing to do with bit 7 of the other
    return _section(pair, harm, "bit", "bits", "Bits")


def change_by_fault(pair: RunPair, harm: MainFigure) -> Section | None:
    """The rate under every fault model in both runs; None if there is one fault model."""
    if not rows_by_fault(pair, harm.column):
        return None
    return _section(pair, harm, "fault", "fault-models", "Fault models")


def rows_by_fault(pair: RunPair, column: str) -> tuple[Row, ...]:
    """The figure under every fault model; none if there is one, or at error rates.

    A hardening may help under one fault model and harm under another, which the mean hides.
    """
    if pair.before.by_rate or len(set(map(repr, pair.before.space.faults))) < 2:
        return ()
    try:
        return compare(*pair.runs, column, by="fault").rows
    except InputError:  # no common fault model
        return ()


def _section(pair: RunPair, harm: MainFigure, by: str, name: str, title: str) -> Section | None:
    if pair.before.by_rate:
        return None
    try:
        rows = tuple(map(_named, compare(*pair.runs, harm.column, by=by).rows))
    except InputError:  # no common group
        return None
    ranked = sorted(rows, key=_rank)
    least = _SEEN * max(_rate(row) for row in rows)
    harmed = [row for row in ranked if _rate(row) > 0 and _rate(row) >= least]
    named, one = "bit " if by == "bit" else "", _one(by)
    table = Table(
        f"{harm.Rate} by {one}, most improved first",
        (one, *pair.labels, "difference, points", *COLUMNS),
        tuple(
            (row.group, str(was), str(now), *change)
            for row, was, now, change in zip(ranked, *_columns(ranked), strict=True)
        ),
        shown=0,
    )
    if not harmed:
        text = f"The {harm.rate} is 0 in all trials of every {one} in both runs."
        return Section(name, title, (Text(text), table))
    largest = sorted(harmed, key=lambda row: -abs(row.difference.value))[:_DRAWN]
    drawn = sorted(largest, key=_rank)
    picture = Picture(
        f"change-by-{by}",
        f"{harm.Rate} by {one}, {pair.both}",
        _finding(drawn, rows, pair, harm, by),
        lambda narrow: dumbbells(drawn, harm.rate, narrow, named=named, runs=pair.labels),
    )
    return Section(name, title, (picture, table))


def _named(row: Row) -> Row:
    """A row whose group is called as in other sections: bits 30–29, not 29+30."""
    return replace(row, group=bit_name(row.group)) if _BITS.fullmatch(row.group) else row


def _columns(rows: Sequence[Row]) -> tuple[list[Reading], list[Reading], list[Reading]]:
    """The rates before and after, and their differences, each as a column."""
    return (
        read_column([row.before for row in rows]),
        read_column([row.after for row in rows]),
        read_column([numbers_in_points(row.difference) for row in rows]),
    )


def _one(by: str) -> str:
    """What a sentence calls a group."""
    return "fault model" if by == "fault" else by


def _rate(row: Row) -> float:
    """The higher one of the two rates."""
    return max(row.before.value, row.after.value)


def _rank(row: Row) -> tuple[float, float]:
    return row.difference.value, row.difference.high


def _finding(
    drawn: Sequence[Row], rows: Sequence[Row], pair: RunPair, harm: MainFigure, by: str
) -> str:
    named, one, (was, now) = "bit " if by == "bit" else "", _one(by), pair.names
    inside = "under" if by == "fault" else "in"
    lower = [row.group for row in rows if change_of(row.difference).direction == "better"]
    higher = [row.group for row in rows if change_of(row.difference).direction == "worse"]
    best = drawn[0]
    if best.difference.value < 0:
        # Of many parts one falls by chance.
        falls = "falls" if best.group in lower else "seems to fall"
        text = (
            f"The {harm.rate} {falls} most {inside} {named}{best.group}: "
            f"{with_interval(best.before)} {was}, {with_interval(best.after)} {now}, difference "
            f"{read_column([in_points(row.difference) for row in drawn])[0]}."
        )
    else:
        text = f"{inside.capitalize()} no {one} the {harm.rate} is lower {now} than {was}."
    text += (
        f" The interval of the difference lies below 0 {inside} {len(lower)} of {len(rows)} "
        f"{one}{'s' if len(rows) != 1 else ''} and above 0 {inside} {len(higher)}"
    )
    text += f" ({', '.join(higher[:3])}{', ...' if len(higher) > 3 else ''})." if higher else "."
    shown = {row.group for row in drawn}
    if left := [row for row in rows if row.group not in shown]:
        text += f" {_not_drawn(left, one)}"
    return f"{text} Beside a row is the difference in percentage points, with its 95 % interval."


def _not_drawn(left: Sequence[Row], one: str) -> str:
    parts = f"{len(left)} {one}{'s' if len(left) != 1 else ''}"
    highest = max(_rate(row) for row in left)
    if not highest:
        return f"Not drawn: {parts} with a rate of 0 in both."
    return f"Not drawn: {parts} with a rate of at most {percent(_rounded_up(highest))} in both."


def _rounded_up(share: float) -> float:
    """A share to two digits, and not below it."""
    step = 10.0 ** (math.floor(math.log10(share)) - 1)
    return math.ceil(round(share / step, 9)) * step
