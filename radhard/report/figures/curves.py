"""How do figures change with the error rate?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, share_axis, sheet
from radhard.report.figures.legend import legend
from radhard.stats import Estimate, rate_text

__all__ = ["Curve", "curves"]

_MANY = 24
"""Points of a curve from which on their intervals are a band only."""

_MANY_CURVES = 6
"""Curves from which on their bands are fainter, as they lie over each other."""


@dataclass(frozen=True)
class Curve:
    """A figure at several rates; ``mark`` is a matplotlib marker, in addition to the colour."""

    name: str
    paint: str
    mark: str
    points: Sequence[tuple[float, Estimate]]


def curves(
    drawn: Sequence[Curve],
    per: str,
    narrow: bool,
    *,
    quantity: str = "error rate",
    top: float = 1.0,
    what: str = "",
) -> Figure:
    """Lines with bands over a logarithmic axis of error rates, or of another ``quantity``.

    ``what``: the name of the other axis, where the legend does not say it.
    """
    width, height = (342, 310) if narrow else (760, 360)
    figure, axes = sheet(width, height)
    # As many names per row of the legend as fit.
    wide = max(60 + 7.2 * len(curve.name) for curve in drawn)
    columns = 1 if narrow else max(1, min(len(drawn), int((width - 16) // wide)))
    above = 8 + 22 * -(-len(drawn) // columns)
    figure.subplots_adjust(
        left=(66 if what else 50) / width,
        right=1 - 16 / width,
        top=1 - (above + 6) / height,
        bottom=48 / height,
    )
    every = [e for curve in drawn for _, e in curve.points]
    floor = min(0.0, min(e.low for e in every)) * 1.04
    for curve in drawn:
        x = [rate for rate, _ in curve.points]
        values = [e.value for _, e in curve.points]
        low, high = [e.low for _, e in curve.points], [e.high for _, e in curve.points]
        paint = colour(curve.paint)
        axes.fill_between(
            x,
            low,
            high,
            color=paint,
            alpha=0.16 if len(drawn) < _MANY_CURVES else 0.08,
            linewidth=0,
        )
        # Of many points, the band says the same without hiding the other curves.
        crowded = len(x) > _MANY
        if not crowded:
            axes.vlines(x, low, high, color=paint, linewidth=1.2)
        axes.plot(
            x,
            values,
            color=paint,
            linewidth=2,
            marker=curve.mark,
            markersize=4 if crowded else 6,
            markevery=max(1, len(x) // 12) if crowded else 1,
            label=curve.name,
            clip_on=False,
        )
    axes.set_xscale("log")
    axes.minorticks_off()
    rates = sorted({rate for curve in drawn for rate, _ in curve.points})
    axes.set_xlim(rates[0] / 1.25, rates[-1] * 1.25)
    ticks = _ticks(rates, 5 if narrow else 9)
    axes.set_xticks(
        ticks,
        [f"{rate:,.0f}" if rate >= 1000 else rate_text(float(f"{rate:.3g}")) for rate in ticks],
    )
    axes.set_ylabel(what, color=colour("muted"), fontsize=12)
    share_axis(axes, top, vertical=True, bottom=floor)
    axes.set_xlabel(
        f"{quantity} per {per}" if per else quantity, color=colour("muted"), fontsize=12
    )
    legend(figure, axes.get_legend_handles_labels()[0], columns=columns)
    return figure


def _ticks(rates: Sequence[float], most: int) -> Sequence[float]:
    """At most so many marks: the rates themselves, or powers of ten where there are too many.

    >>> _ticks([1e-6, 1e-5, 3e-5], 5)
    [1e-06, 1e-05, 3e-05]
    >>> _ticks([1.1e-8, 2.947e-8, 7e-7, 5e-6, 2e-5, 3e-4], 5)
    [1e-07, 1e-06, 1e-05, 0.0001]
    """
    if len(rates) <= most:
        return rates
    first, last = (math.log10(end) for end in (rates[0], rates[-1]))
    powers = range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)
    if len(powers) < 3:
        return rates[:: -(-len(rates) // 5)]
    return [float(f"1e{power}") for power in powers[:: -(-len(powers) // most)]]
