"""Which canvas, font and colours do figures have?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from radhard.report.figures.short_names import short_names
from radhard.stats import percent

__all__ = [
    "COLOURS",
    "SETTINGS",
    "Sheet",
    "colour",
    "label",
    "panelled_sheet",
    "root_axis",
    "share_axis",
    "sheet",
]

SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "radhard",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 12.0,
    "axes.linewidth": 0.8,
    "path.simplify": False,
}
"""Text remains text, ids are deterministic, and names with dollar signs are not formulas."""

_ROOT_TICKS = (
    0.0,
    *(d * 10.0**power for power in range(-7, -1) for d in (1, 3)),
    0.1,
    0.2,
    0.4,
    0.7,
    1.0,
)
"""Rates that may be marked on an axis of square roots."""

_NAMES = (
    *("ink", "muted", "line", "card", "accent", "masked", "noncritical", "critical", "due"),
    *("field1", "field2", "field3", "field4", "mixed", "heat0", "heat1", "heat2", "heat3"),
    *("heat4", "heat5", "on-dark", "step0", "step1", "step2", "step3", "step4"),
    *("better", "worse"),
)

COLOURS = {name: f"#{number:02x}fe{number:02x}" for number, name in enumerate(_NAMES, start=1)}
"""A placeholder colour for each name; `svg` replaces it with the colour of the page."""


def colour(name: str) -> str:
    """The placeholder of a colour of the style sheet."""
    return COLOURS[name]


class Sheet(Figure):
    """A figure that knows which of its texts are shortened names."""

    full_names: dict[str, str]
    """The whole name of each shortened one."""

    def names(self, names: Sequence[str], length: int) -> list[str]:
        """The names as they have room; the page shows the whole name of each that was shortened."""
        short = short_names(names, length)
        pairs = zip(short, names, strict=True)
        self.full_names = {
            **self.full_names,
            **{text: name for text, name in pairs if text != name},
        }
        return short


def sheet(width: float, height: float) -> tuple[Sheet, Axes]:
    """A figure of the given size in CSS pixels with one pair of thin axes without tick marks."""
    # At 72 dots an inch a point, in which matplotlib measures text and lines, is a CSS pixel.
    figure = Sheet(figsize=(width / 72, height / 72), dpi=72)
    figure.full_names = {}
    # Transparent: the background is that of the page, which may be light or dark.
    figure.patch.set_alpha(0.0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0.0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("line"))
    axes.tick_params(length=0, pad=6, colors=colour("muted"), labelsize=12)
    axes.set_axisbelow(True)
    return figure, axes


def panelled_sheet(
    width: float,
    height: float,
    *,
    left: float,
    right: float,
    above: float,
    below: float,
    between: tuple[float, float],
) -> Figure:
    """A figure without axes, to which panels are added: sizes and margins in CSS pixels.

    ``between``: the space between rows and between columns of panels, as shares of a panel.
    """
    # Without the axes, whose place the panels take; the canvas is that of other figures.
    figure, only = sheet(width, height)
    only.remove()
    figure.subplots_adjust(
        left=left / width,
        right=1 - right / width,
        top=1 - above / height,
        bottom=below / height,
        hspace=between[0],
        wspace=between[1],
    )
    return figure


def share_axis(axes: Axes, top: float, *, vertical: bool, bottom: float = 0.0) -> None:
    """An axis in percent with few, round ticks and a faint grid."""
    axis = axes.yaxis if vertical else axes.xaxis
    (axes.set_ylim if vertical else axes.set_xlim)(bottom, top)
    step = next(s for s in _steps() if (top - bottom) / s <= 5.2)
    # The first multiple of the step that is not below the axis.
    first = -(-bottom // step)
    ticks = [(first + n) * step for n in range(int((top - bottom) / step) + 1)]
    axis.set_ticks([tick for tick in ticks if tick <= top * (1 + 1e-9)])
    # Rounded, since multiples of 0.1 are not what they seem in binary.
    axis.set_major_formatter(FuncFormatter(lambda x, _: percent(round(x, 12))))
    axis.grid(True, color=colour("line"), linewidth=0.8)


def root_axis(axes: Axes, top: float, *, vertical: bool, apart: float = 0.12) -> None:
    """An axis in percent from 0 to ``top`` that is linear in the square root.

    Rates of faults differ by powers of ten and may be 0: a linear axis hides the small ones, a
    logarithmic one has no 0. ``apart`` is the smallest distance of two ticks, as a share of the
    axis.
    """
    axis = axes.yaxis if vertical else axes.xaxis
    top = top or 1.0
    set_scale = axes.set_yscale if vertical else axes.set_xscale
    set_scale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    (axes.set_ylim if vertical else axes.set_xlim)(0, top * 1.08)
    ticks: list[float] = []
    for tick in _ROOT_TICKS:
        if tick <= top * 1.05 and (
            not ticks or np.sqrt(tick / top) - np.sqrt(ticks[-1] / top) > apart
        ):
            ticks.append(tick)
    axis.set_ticks(ticks, [percent(tick) for tick in ticks])
    axis.set_minor_locator(NullLocator())
    axis.grid(True, color=colour("line"), linewidth=0.8)


def label(text: str, length: int = 30) -> str:
    """A name shortened for a figure, with a placeholder for characters that cannot be drawn.

    >>> label("encoder.layers.11.self_attention.in_proj_weight", 30)
    'e.l.11.self_attention.i_p_w'
    """
    return short_names([text], length)[0]


def _steps() -> list[float]:
    return [digit * 10.0**power for power in range(-9, 3) for digit in (1, 2, 5)]
