"""Where does a hardening help?"""

from radhard.comparison import compare
from radhard.report.blocks import Section, Table
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.main_figure import MainFigure
from radhard.verification import Verification

__all__ = ["by_tensor"]

_SHOWN = 12


def by_tensor(found: Verification, harm: MainFigure) -> Section | None:
    """The rate of every tensor before and after; None at error rates."""
    if found.before.by_rate:
        return None
    rows = compare(found.before, found.after, harm.column, by="tensor").rows
    ranked = sorted(rows, key=lambda row: row.difference.value)
    table = Table(
        f"{harm.Rate} by tensor, most improved first",
        ("tensor", "before", "after", "difference", *COLUMNS),
        tuple(
            (row.group, read(row.before).value, read(row.after).value, *read(row.difference))
            for row in ranked
        ),
        shown=_SHOWN if len(ranked) > _SHOWN else None,
    )
    return Section("tensors", "Where it helps", (table,))
