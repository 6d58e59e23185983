"""What is the rate of each tensor, with its interval?"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radhard.report.estimate_cells import read_column
from radhard.report.figures.ink import colour, root_axis, share_axis, sheet
from radhard.stats import Estimate

__all__ = ["forest"]


def forest(
    rows: Sequence[tuple[str, Estimate]], overall: Estimate, what: str, narrow: bool
) -> Figure:
    """A forest plot: a point with its interval for each row, the overall rate as a dashed line.

    A ring is a row with a rate of 0.
    """
    n = len(rows)
    width = 342 if narrow else 760
    each = 40 if narrow else 28
    height = 62 + each * (n + 0.5 * narrow)
    figure, axes = sheet(width, height)
    texts = list(map(str, read_column([rate for _, rate in rows])))
    # On a phone as many characters as the longest rate beside it leaves.
    room = int((width - 20) / 7.0) - max(map(len, texts)) if narrow else 30
    names = figure.names([name for name, _ in rows], room)
    longest = max(map(len, names))
    # On a phone the names stand above the points, not beside the axes.
    left = 12 if narrow else 18 + 7.3 * longest
    figure.subplots_adjust(
        left=left / width,
        right=1 - (14 if narrow else 172) / width,
        top=1 - 20 / height,
        bottom=42 / height,
    )
    top = max(max(rate.high for _, rate in rows), overall.high)
    floor = min(0.0, min(rate.low for _, rate in rows), overall.low) * 1.04
    if floor < 0:
        share_axis(axes, top * 1.04 or 1.0, vertical=False, bottom=floor)
    else:
        # The wide interval of a tensor with few trials would leave the others no room.
        root_axis(axes, top, vertical=False, apart=0.16 if narrow else 0.1)
    _draw_overall(axes, overall, top, narrow)
    for at, (_, rate) in enumerate(rows):
        axes.hlines(at, rate.low, rate.high, color=colour("field2"), linewidth=2.2)
        axes.plot(
            rate.value,
            at,
            "o",
            markersize=7,
            markeredgecolor=colour("field2"),
            markeredgewidth=1.8,
            clip_on=False,
            zorder=4,
            markerfacecolor=colour("card" if rate.value == 0 else "field2"),
        )
        _write_rate(axes, at, names[at], texts[at], narrow)
    axes.set_ylim(n - 0.5, -1.0 if narrow else -0.6)
    axes.set_yticks([] if narrow else range(n), [] if narrow else names)
    axes.tick_params(axis="y", colors=colour("ink"), pad=10)
    axes.set_xlabel(what, color=colour("muted"), fontsize=12)
    return figure


def _draw_overall(axes: Axes, overall: Estimate, top: float, narrow: bool) -> None:
    """The overall rate as a dashed line in the band of its interval; ``top``: the axis' end."""
    axes.axvspan(overall.low, overall.high, color=colour("accent"), alpha=0.09, linewidth=0)
    axes.axvline(overall.value, color=colour("accent"), linewidth=1.2, linestyle=(0, (4, 3)))
    axes.text(
        overall.value,
        -1.02 if narrow else -0.62,
        "overall",
        color=colour("accent"),
        fontsize=11,
        # On the side of the line where the axes have room for it.
        ha="left" if overall.value < top / 4 else "right",
        va="bottom",
    )


def _write_rate(axes: Axes, at: int, name: str, text: str, narrow: bool) -> None:
    """The rate of a row as text: beside the axes, or with its name above the point if narrow."""
    if narrow:
        for place, written, side in ((0, name, "left"), (1, text, "right")):
            axes.annotate(
                written,
                (place, at),
                (0, 9),
                ha=side,
                xycoords=axes.get_yaxis_transform(),
                textcoords="offset points",
                fontsize=12,
                color=colour("ink"),
                bbox={"facecolor": colour("card"), "linewidth": 0, "pad": 1, "alpha": 0.8},
            )
    else:
        axes.annotate(
            text,
            (1, at),
            (12, 0),
            va="center",
            fontsize=12,
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            color=colour("ink"),
        )
