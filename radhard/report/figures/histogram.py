"""Which share of the trials does how much harm?"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, root_axis, sheet
from radhard.stats import Estimate

__all__ = ["histogram"]


def histogram(
    bins: Sequence[tuple[str, str, Estimate]], what: str, of: str, narrow: bool
) -> Figure:
    """A bar with its interval for each bin: its name, its colour and the share of ``of`` in it.

    The axis is linear in the square root, as nearly all faults are often in the first bin. A ring
    is a bin without trials.
    """
    width, height = (342, 240) if narrow else (760, 270)
    figure, axes = sheet(width, height)
    figure.subplots_adjust(
        left=66 / width, right=1 - 6 / width, top=1 - 14 / height, bottom=46 / height
    )
    root_axis(axes, max(share.high for _, _, share in bins), vertical=True)
    for at, (_, paint, share) in enumerate(bins):
        axes.bar(at, share.value, 0.78, color=colour(paint))
        seen = share.value > 0
        axes.vlines(
            at, share.low, share.high, color=colour("ink" if seen else "muted"),
            linewidth=1.6, alpha=0.7 if seen else 0.4,
        )  # fmt: skip
        if not seen:
            axes.plot(
                at, 0, "o", markersize=5.5, markerfacecolor=colour("card"),
                markeredgecolor=colour("muted"), markeredgewidth=1.5, clip_on=False, zorder=4,
            )  # fmt: skip
    axes.set_xlim(-0.6, len(bins) - 0.4)
    # On a phone words and signs have no room.
    names = [name.replace("none", "0").removeprefix("≤") if narrow else name for name, _, _ in bins]
    axes.set_xticks(range(len(bins)), names, fontsize=11 if narrow else 12)
    axes.set_ylabel(of, color=colour("muted"), fontsize=12)
    axes.set_xlabel(
        what.replace(",", ", at most,") if narrow else what, color=colour("muted"), fontsize=12
    )
    return figure
