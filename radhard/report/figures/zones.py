"""Which deviations of a neuron change the prediction?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, label, sheet
from radhard.report.figures.legend import legend, patches

__all__ = ["Zone", "zones"]

_PAINTS = {"non-vulnerable": "masked", "semi-vulnerable": "step1", "vulnerable": "critical"}


@dataclass(frozen=True)
class Zone:
    """The ranges of one golden class: limits in ascending order, infinite for open ranges.

    Vulnerable below ``below`` and above ``above``, non-vulnerable from ``start`` to ``stop``.
    """

    name: str
    below: float
    start: float
    stop: float
    above: float


def zones(rows: Sequence[Zone], narrow: bool) -> Figure:
    """A line for each golden class, over deviations on a symmetric logarithmic axis."""
    width, each = (342, 26) if narrow else (760, 26)
    above = 52 if narrow else 30
    height = above + each * len(rows) + 44
    figure, axes = sheet(width, height)
    longest = max(len(label(row.name, 16)) for row in rows)
    figure.subplots_adjust(
        left=(14 + 7.0 * longest) / width,
        right=1 - 16 / width,
        top=1 - above / height,
        bottom=44 / height,
    )
    ends = [abs(end) for row in rows for end in (row.below, row.start, row.stop, row.above)]
    finite = [end for end in ends if math.isfinite(end) and end > 0] or [1.0]
    low, high = math.floor(math.log10(min(finite))), math.ceil(math.log10(max(finite)))
    # Values beyond the axis, such as the largest number of the format, are drawn at its edge.
    high = min(max(high, low + 1), low + 8)
    unit = 10.0**low
    reach = _place(10.0 ** (high + 0.5), unit)
    for at, row in enumerate(rows):
        edges = [-reach, *(_place(e, unit) for e in (row.below, row.start, row.stop, row.above))]
        edges = np.clip([*edges, reach], -reach, reach).tolist()
        kinds = ("vulnerable", "semi-vulnerable", "non-vulnerable", "semi-vulnerable", "vulnerable")
        for kind, left, right in zip(kinds, edges, edges[1:], strict=False):
            if right > left:
                axes.barh(at, right - left, 0.7, left=left, color=colour(_PAINTS[kind]))
    axes.axvline(0, color=colour("ink"), linewidth=1)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [label(row.name, 16) for row in rows])
    axes.tick_params(axis="y", colors=colour("ink"))
    step = max(1, -(-(high - low + 1) // (2 if narrow else 4)))
    powers = list(range(high, low - 1, -step))
    ticks = [0.0, *(sign * 10.0**power for power in powers for sign in (-1, 1))]
    axes.set_xticks([_place(tick, unit) for tick in ticks], [_said(tick) for tick in ticks])
    axes.set_xlabel("deviation of the neuron's value", color=colour("muted"), fontsize=12)
    shown = patches(list(_PAINTS.items()))
    legend(figure, shown, columns=2 if narrow else 3)
    return figure


def _place(deviation: float, unit: float) -> float:
    """The position of a deviation on the axis, linear in its logarithm above ``unit``."""
    return math.copysign(math.log10(1 + abs(deviation) / unit), deviation)


def _said(deviation: float) -> str:
    if not deviation:
        return "0"
    power = round(math.log10(abs(deviation)))
    sign = "−" if deviation < 0 else ""
    return f"{sign}{10.0**power:g}" if -3 <= power <= 3 else f"{sign}1e{power}"
