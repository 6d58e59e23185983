"""In which tensors and bits does a hardening help?"""

from collections.abc import Sequence

from radhard.comparison import Row, compare
from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.figures import direction, dumbbells
from radhard.report.main_figure import MainFigure
from radhard.stats import percent
from radhard.verification import Verification

__all__ = ["change_by_bit", "change_by_tensor"]

_DRAWN = 16
"""Largest number of rows in a figure; the table has all of them."""

_SEEN = 0.01
"""Rows with less than this share of the highest rate are not drawn: they would drown the others."""


def change_by_tensor(verification: Verification, harm: MainFigure) -> Section | None:
    """The rate of every tensor before and after; None at error rates."""
    if verification.before.by_rate:
        return None
    return _section(verification, harm, "tensor", "tensors", "Where it helps: tensors")


def change_by_bit(verification: Verification, harm: MainFigure) -> Section | None:
    """The rate of every bit position before and after; None where faults have no bit positions."""
    space = verification.before.space
    if verification.before.by_rate or not all(fault.by_bit for fault in space.faults):
        return None
    return _section(verification, harm, "bit", "bits", "Where it helps: bits")


def _section(
    verification: Verification, harm: MainFigure, by: str, name: str, title: str
) -> Section:
    rows = compare(verification.before, verification.after, harm.column, by=by).rows
    ranked = sorted(rows, key=_rank)
    least = _SEEN * max(_rate(row) for row in rows)
    harmed = [row for row in ranked if _rate(row) > 0 and _rate(row) >= least]
    named = "bit " if by == "bit" else ""
    table = Table(
        f"{harm.Rate} by {by}, most improved first",
        (by, "before", "after", "difference", *COLUMNS),
        tuple(
            (row.group, read(row.before).value, read(row.after).value, *read(row.difference))
            for row in ranked
        ),
        shown=0,
    )
    if not harmed:
        text = f"The {harm.rate} is 0 in all trials of every {by}, before and after."
        return Section(name, title, (Text(text), table))
    largest = sorted(harmed, key=lambda row: -abs(row.difference.value))[:_DRAWN]
    drawn = sorted(largest, key=_rank)
    picture = Picture(
        f"change-by-{by}",
        f"{harm.Rate} by {by}, before and after",
        _finding(drawn, rows, harm, by, named),
        lambda narrow: dumbbells(drawn, harm.rate, narrow, named=named),
    )
    return Section(name, title, (picture, table))


def _rate(row: Row) -> float:
    """The higher one of the two rates."""
    return max(row.before.value, row.after.value)


def _rank(row: Row) -> tuple[float, float]:
    return row.difference.value, row.difference.high


def _finding(
    drawn: Sequence[Row], rows: Sequence[Row], harm: MainFigure, by: str, named: str
) -> str:
    lower = [row.group for row in rows if direction(row.difference) == "better"]
    higher = [row.group for row in rows if direction(row.difference) == "worse"]
    best = drawn[0]
    if best.difference.value < 0:
        change = read(best.difference)
        text = (
            f"The {harm.rate} falls most in {named}{best.group}: {read(best.before).value} before, "
            f"{read(best.after).value} after, difference {change.value} {change.interval}."
        )
    else:
        text = f"In no {by} the {harm.rate} is lower after than before."
    text += (
        f" Of {len(rows)} {by}{'s' if len(rows) != 1 else ''} the interval of the difference lies "
        f"below 0 in {len(lower)} and above 0 in {len(higher)}"
    )
    text += f" ({', '.join(higher[:3])}{', ...' if len(higher) > 3 else ''})." if higher else "."
    shown = {row.group for row in drawn}
    if left := [row for row in rows if row.group not in shown]:
        highest = percent(float(f"{max(_rate(row) for row in left):.2g}"))
        text += f" Not drawn: {len(left)} with a rate of at most {highest} before and after."
    return f"{text} At the right: the difference with its 95 % interval."
