"""How does the rate of each group change from one run to the other?"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from radhard.comparison import Row
from radhard.report.change import CHANGES, change_of
from radhard.report.estimate_cells import read_column
from radhard.report.figures.ink import colour, root_axis, sheet
from radhard.report.figures.legend import legend
from radhard.report.point_differences import numbers_in_points

__all__ = ["dumbbells"]

_PAINTS = {"better": "better", "worse": "worse", "open": "field2"}


def dumbbells(
    rows: Sequence[Row],
    what: str,
    narrow: bool,
    *,
    named: str = "",
    runs: tuple[str, str] = ("before", "after"),
) -> Figure:
    """A row for each group: its rate in the first run (ring) and the second (dot), with intervals.

    ``named`` is put before the name of each group, as in "bit 30"; ``runs`` names the two runs.
    Beside a row is the difference in percentage points. The axis is linear in the square root. The
    colour of a row says whether the interval of its difference excludes 0.
    """
    n = len(rows)
    width, each = (342, 52) if narrow else (760, 34)
    seen = {change_of(row.difference) for row in rows}
    kinds = [change for change in CHANGES if change in seen]
    lines = 1 + len(kinds) if narrow else 1
    above = 12 + 20 * lines
    height = above + 46 + each * n
    figure, axes = sheet(width, height)
    texts = list(map(str, read_column([numbers_in_points(row.difference) for row in rows])))
    # On a phone as many characters as the longest difference beside it leaves.
    room = int((width - 20) / 7.0) - max(map(len, texts)) if narrow else 28
    names = figure.names([f"{named}{row.group}" for row in rows], room)
    # On a phone the names stand above their rows, as they would take half of the width beside them.
    left = 12 if narrow else 18 + 7.3 * max(map(len, names))
    figure.subplots_adjust(
        left=left / width,
        right=1 - (14 if narrow else 182) / width,
        top=1 - above / height,
        bottom=46 / height,
    )
    top = max(max(row.before.high, row.after.high) for row in rows)
    root_axis(axes, top, vertical=False, apart=0.16 if narrow else 0.1)
    for at, row in enumerate(rows):
        _draw(axes, at, row, narrow)
        _write(axes, at, names[at], texts[at], narrow)
    axes.set_ylim(n - 0.5, -0.75 if narrow else -0.5)
    axes.set_yticks([] if narrow else range(n), [] if narrow else names)
    axes.tick_params(axis="y", colors=colour("ink"), pad=10)
    axes.set_xlabel(what, color=colour("muted"), fontsize=12)
    handles = [
        _mark(runs[0], "muted", filled=False),
        *(_mark(f"{runs[1]}: {kind.word}", _PAINTS[kind.direction]) for kind in kinds),
    ]
    legend(figure, handles, columns=1 if narrow else len(handles), left=left)
    return figure


def _draw(axes: Axes, at: int, row: Row, narrow: bool) -> None:
    paint = colour(_PAINTS[change_of(row.difference).direction])
    # The two intervals lie above and below the line of the values, so that neither hides the other.
    shift = 0.12 if narrow else 0.17
    axes.hlines(at - shift, row.before.low, row.before.high, color=colour("muted"), linewidth=1.6)
    axes.hlines(at + shift, row.after.low, row.after.high, color=paint, linewidth=2.2)
    first, last = sorted((row.before.value, row.after.value))
    axes.hlines(at, first, last, color=paint, linewidth=4.5, alpha=0.25)
    for value, edge, filled, height in (
        (row.before.value, colour("muted"), False, at - shift),
        (row.after.value, paint, True, at + shift),
    ):
        axes.plot(
            value,
            height,
            "o",
            markersize=7,
            markeredgecolor=edge,
            markeredgewidth=1.8,
            markerfacecolor=edge if filled else colour("card"),
            clip_on=False,
            zorder=4,
        )


def _write(axes: Axes, at: int, name: str, text: str, narrow: bool) -> None:
    """The difference of a row: beside the axes, or with its name above the row if narrow."""
    shown = ((0, name, "left"), (1, text, "right")) if narrow else ((1, text, "left"),)
    for place, written, side in shown:
        axes.annotate(
            written,
            (place, at),
            (0, 12) if narrow else (12, 0),
            ha=side,
            va="bottom" if narrow else "center",
            fontsize=12,
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            color=colour("ink"),
        )


def _mark(name: str, paint: str, *, filled: bool = True) -> Line2D:
    return Line2D(
        [], [], marker="o", markersize=7, markeredgewidth=1.8, linestyle="", label=name,
        markeredgecolor=colour(paint), markerfacecolor=colour(paint if filled else "card"),
    )  # fmt: skip
