"""Which parts have the highest and which the lowest scores?"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, sheet

__all__ = ["Bar", "ranked"]


@dataclass(frozen=True)
class Bar:
    """A part with its score, limits if available, both as text, and its colour."""

    name: str
    value: float
    low: float | None
    high: float | None
    said: str
    paint: str


def ranked(top: Sequence[Bar], bottom: Sequence[Bar], between: int, narrow: bool) -> Figure:
    """Bars of the highest scores and, below a gap for those in between, of the lowest."""
    width = 342 if narrow else 760
    n = len(top) + len(bottom) + bool(between)
    each = 38 if narrow else 24
    height = 14 + each * n
    figure, axes = sheet(width, height)
    drawn = [*top, *bottom]
    names = figure.names([bar.name for bar in drawn], 26 if narrow else 34)
    longest = max(map(len, names))
    characters = max(len(bar.said) for bar in drawn)
    left = 6 if narrow else 16 + 7.0 * longest
    right = 8 if narrow else 14 + 7.2 * characters
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, top=1 - 6 / height, bottom=8 / height
    )
    reach = max(max(bar.value, bar.high or 0.0) for bar in drawn) or 1.0
    ticks: list[tuple[float, str]] = []
    for at, bar in enumerate(drawn):
        y = at + (bool(between) if at >= len(top) else 0)
        lift = 0.22 if narrow else 0.0
        axes.barh(y + lift, bar.value, 0.42 if narrow else 0.66, color=colour(bar.paint))
        if bar.low is not None and bar.high is not None:
            axes.hlines(y + lift, bar.low, bar.high, color=colour("ink"), linewidth=1.5, alpha=0.75)
        ticks.append((y, names[at]))
        if narrow:
            for place, text, side in ((0, names[at], "left"), (1, bar.said, "right")):
                axes.text(
                    place, y - 0.12, text, fontsize=11, ha=side, color=colour("ink"),
                    transform=axes.get_yaxis_transform(),
                )  # fmt: skip
        else:
            axes.annotate(
                bar.said, (1, y), (8, 0), va="center", fontsize=12,
                xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                color=colour("ink"),
            )  # fmt: skip
    if between:
        text = f"{between:,} in between"
        axes.text(0, len(top), text, va="center", fontsize=11, color=colour("muted"))
    axes.set_xlim(0, reach * 1.02)
    axes.set_ylim(n - 0.5, -0.6)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(not narrow)
    axes.spines["left"].set_color(colour("line"))
    places = [] if narrow else ticks
    axes.set_yticks([y for y, _ in places], [name for _, name in places])
    axes.tick_params(axis="y", colors=colour("ink"), pad=8)
    return figure
