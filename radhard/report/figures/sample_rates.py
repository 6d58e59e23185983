"""What is the rate of each sample, most harm first?"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, root_axis, sheet
from radhard.stats import Estimate

__all__ = ["sample_rates"]


def sample_rates(rates: Sequence[Estimate], overall: Estimate, what: str, narrow: bool) -> Figure:
    """A dot with its interval for each sample, in the given order, and the mean as a dashed line.

    Hundreds of samples have room, as none is named. The axis is linear in the square root.
    """
    width, height = (342, 260) if narrow else (760, 300)
    figure, axes = sheet(width, height)
    figure.subplots_adjust(
        left=56 / width, right=1 - 10 / width, top=1 - 14 / height, bottom=46 / height
    )
    n = len(rates)
    root_axis(axes, max(max(rate.high for rate in rates), overall.high), vertical=True)
    axes.axhspan(overall.low, overall.high, color=colour("accent"), alpha=0.09, linewidth=0)
    axes.axhline(overall.value, color=colour("accent"), linewidth=1.2, linestyle=(0, (4, 3)))
    # Lines and dots of one sample must not hide those of the next.
    room = (width - 66) / n
    axes.vlines(
        range(1, n + 1), [rate.low for rate in rates], [rate.high for rate in rates],
        color=colour("field2"), linewidth=min(2.2, max(0.5, 0.5 * room)), alpha=0.55,
    )  # fmt: skip
    axes.plot(
        range(1, n + 1), [rate.value for rate in rates], "o", linestyle="", clip_on=False,
        color=colour("field2"), markersize=min(7.0, max(2.0, 0.7 * room)), zorder=4,
    )  # fmt: skip
    axes.set_xlim(0.2, n + 0.8)
    marks = sorted({1, *(round(n * part / 4) for part in range(1, 5))} - {0})
    axes.set_xticks(marks, [f"{mark:,}" for mark in marks])
    axes.set_xlabel("samples, most harm first", color=colour("muted"), fontsize=12)
    axes.set_ylabel(what, color=colour("muted"), fontsize=12)
    return figure
