"""How do scores and measured rates correlate?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from radhard.report.figures.ink import colour, sheet
from radhard.report.figures.legend import legend
from radhard.stats import Estimate, percent

__all__ = ["ScoreGroup", "scatter"]

_TICKS = (0.0, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class ScoreGroup:
    """Parts with similar scores: their position, and their rate in the campaign."""

    at: float
    rate: Estimate


def scatter(
    points: Sequence[tuple[float, float]],
    groups: Sequence[ScoreGroup],
    texts: tuple[str, str],
    shares: bool,
    narrow: bool,
) -> Figure:
    """A dot for each part, and the rate of each group with its interval.

    The x axis is the score if scores are ``shares`` (with a dashed line where both are equal), and
    the rank otherwise; ``texts`` are the labels of both axes. Axes of shares are square-root axes.
    """
    width, height = (342, 330) if narrow else (760, 400)
    figure, axes = sheet(width, height)
    figure.subplots_adjust(
        left=56 / width, right=1 - 16 / width, top=1 - 36 / height, bottom=48 / height
    )
    # Never 0, as an axis needs an extent where nothing was harmful.
    top = max([rate for _, rate in points] + [group.rate.high for group in groups] + [1e-6])
    _stretched(axes, axes.yaxis, top)
    if shares:
        across = max([score for score, _ in points] + [1e-6])
        _stretched(axes, axes.xaxis, across)
        both = np.linspace(0, min(top, across), 200)
        axes.plot(both, both, color=colour("muted"), linewidth=1.2, linestyle=(0, (4, 3)))
    else:
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["lowest", "25 %", "50 %", "75 %", "highest"])
        # Within the figure, and not below the first mark of the other axis.
        lowest, *_, highest = axes.get_xticklabels()
        lowest.set_horizontalalignment("left")
        highest.set_horizontalalignment("right")
    x, y = [score for score, _ in points], [rate for _, rate in points]
    axes.plot(
        x, y, "o", markersize=4.5, markerfacecolor=colour("field2"), markeredgewidth=0, alpha=0.4,
        clip_on=False,
    )  # fmt: skip
    axes.set_xlabel(texts[0], color=colour("muted"), fontsize=12)
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour("field2"), alpha=0.5, label=texts[1])
    ]
    if groups:
        handles.append(_draw_groups(axes, groups))
    legend(figure, handles, columns=1 if narrow else 2)
    return figure


def _draw_groups(axes: Axes, groups: Sequence[ScoreGroup]) -> Line2D:
    """The rates of groups with their intervals; what stands for them in the legend."""
    for group in groups:
        axes.vlines(group.at, group.rate.low, group.rate.high, color=colour("field1"), linewidth=2)
        axes.plot(
            group.at, group.rate.value, "D", markersize=7, markerfacecolor=colour("field1"),
            markeredgecolor=colour("card"), clip_on=False, zorder=4,
        )  # fmt: skip
    name = "parts with similar scores, 95 % interval"
    return Line2D([], [], marker="D", color=colour("field1"), markersize=6, linewidth=2, label=name)


def _stretched(axes: Axes, axis: Axis, top: float) -> None:
    """A square-root axis of shares, which separates small ones."""
    vertical = axis is axes.yaxis
    (axes.set_yscale if vertical else axes.set_xscale)(
        "function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square)
    )
    (axes.set_ylim if vertical else axes.set_xlim)(0, top * 1.05)
    ticks: list[float] = []
    for tick in _TICKS:
        far = not ticks or np.sqrt(tick / top) - np.sqrt(ticks[-1] / top) > 0.11
        if tick <= top * 1.05 and far:
            ticks.append(tick)
    axis.set_ticks(ticks, [percent(tick) for tick in ticks])
    axis.set_minor_locator(NullLocator())
    axis.grid(True, color=colour("line"), linewidth=0.8)
