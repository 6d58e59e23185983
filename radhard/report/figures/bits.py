"""What is the rate at each bit position?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, share_axis, sheet
from radhard.report.figures.legend import legend, patches
from radhard.stats import Estimate

__all__ = ["Bit", "bits"]


@dataclass(frozen=True)
class Bit:
    """A bit position (or the bits of one fault): its name, field and rate."""

    name: str
    field: str
    rate: Estimate


def bits(
    positions: Sequence[Bit],
    fields: Sequence[str],
    what: str,
    narrow: bool,
    *,
    axis: str = "bit position",
) -> Figure:
    """Bars with whiskers, most significant bit first, coloured by field (in their order).

    ``axis`` says what the names of the positions are.

    A ring is a position with a rate of 0; a dot replaces a bar that would be too low to see.
    """
    n = len(positions)
    paints = {field: f"field{min(at, 4)}" for at, field in enumerate(fields, start=1)}
    # The legend names what is drawn, which may be less than the format has.
    used = [f for f in dict.fromkeys(p.field for p in positions) if f in paints]
    mixed = any(p.field not in paints for p in positions)
    longest = max(len(p.name) for p in positions)
    width, height = (342, 66 + 17 * n) if narrow else (760, 330)
    figure, axes = sheet(width, height)
    if narrow:
        figure.subplots_adjust(
            left=(32 + 7 * longest) / width,
            right=1 - 18 / width,
            top=1 - 30 / height,
            bottom=36 / height,
        )
    else:
        # Names that have no room beside each other are turned, and every other one is left out.
        room = 688 / n
        turned = 6.8 * longest + 4 > room
        bottom = 34 + 6.8 * longest if turned else 44
        figure.subplots_adjust(
            left=66 / width, right=1 - 6 / width, top=1 - 34 / height, bottom=bottom / height
        )
    top = max(p.rate.high for p in positions)
    floor = min(0.0, min(p.rate.low for p in positions)) * 1.04
    _draw(axes, positions, [paints.get(bit.field, "mixed") for bit in positions], top, flat=narrow)
    # No rate is above 1; a small margin shows where a whisker ends.
    share_axis(axes, top * 1.04 or 1.0, vertical=not narrow, bottom=floor)
    names = [p.name for p in positions]
    if narrow:
        axes.set_ylim(n - 0.4, -0.6)
        axes.set_yticks(range(n), names)
        axes.set_xlabel(what, color=colour("muted"), fontsize=12)
        axes.set_ylabel(axis, color=colour("muted"), fontsize=12)
    else:
        axes.set_xlim(-0.7, n - 0.3)
        named = range(0, n, math.ceil(13 / room) if turned else 1)
        axes.set_xticks(
            named, [names[at] for at in named], rotation=90 if turned else 0, fontsize=11
        )
        axes.set_xlabel(axis, color=colour("muted"), fontsize=12, labelpad=4)
        axes.set_ylabel(what, color=colour("muted"), fontsize=12)
    shown = patches([(f, paints[f]) for f in used])
    if mixed:
        shown += patches([("several fields", "mixed")])
    legend(figure, shown, columns=len(shown))
    return figure


def _draw(
    axes: Axes, positions: Sequence[Bit], paints: Sequence[str], top: float, *, flat: bool
) -> None:
    """The bars, whiskers and rings of all positions, each kind in one call: calls are slow.

    Where nothing was seen, the whisker says how little was tried and not what was found: it is
    faint, so that many of them do not drown the bit that matters.
    """
    places = np.arange(len(positions))
    values = np.array([bit.rate.value for bit in positions])
    # Lower bars would be a few pixels; they have a mark of their own.
    tall = np.abs(values) > 0.06 * top
    (axes.barh if flat else axes.bar)(places, values, 0.72, color=[colour(p) for p in paints])
    lows, highs = (
        np.array([getattr(bit.rate, end) for bit in positions]) for end in ("low", "high")
    )
    for chosen, alpha in ((values != 0, 0.7), (values == 0, 0.3)):
        (axes.hlines if flat else axes.vlines)(
            places[chosen],
            lows[chosen],
            highs[chosen],
            color=[
                colour("ink" if tall[at] else paints[at] if values[at] else "muted")
                for at in np.flatnonzero(chosen).tolist()
            ],
            linewidth=1.6,
            alpha=alpha,
        )
    for paint in dict.fromkeys(paints):
        for filled in (True, False):
            chosen = np.array([p == paint for p in paints]) & ~tall & ((values != 0) == filled)
            if not chosen.any():
                continue
            spots = (values[chosen], places[chosen]) if flat else (places[chosen], values[chosen])
            axes.plot(
                *spots,
                "o",
                markersize=5.5,
                markerfacecolor=colour(paint if filled else "card"),
                markeredgecolor=colour(paint),
                markeredgewidth=1.5,
                clip_on=False,
                zorder=4,
            )
