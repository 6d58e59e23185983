"""Which channels of each layer have high scores?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, sheet
from radhard.report.figures.shades import Shades, shaded

__all__ = ["strips"]


def strips(
    rows: Sequence[tuple[str, npt.NDArray[np.float64]]], shades: Shades, narrow: bool
) -> Figure:
    """A strip for each layer, with its channels from left to right, shaded by score.

    If there are too many channels, a cell shows the highest score of several neighbours; cells
    without a score are blank.
    """
    width, cells = (342, 48) if narrow else (760, 128)
    each, above = (34, 54) if narrow else (24, 30)
    height = above + each * len(rows) + 6
    figure, axes = sheet(width, height)
    names = figure.names([name for name, _ in rows], 36 if narrow else 24)
    left = 4 if narrow else 14 + 7.0 * max(map(len, names))
    right = 6 if narrow else 44
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, top=1 - above / height, bottom=6 / height
    )
    for at, (_, values) in enumerate(rows):
        _strip(axes, at + (0.22 if narrow else 0.0), _highest(values, cells), shades, narrow)
        if narrow:
            size = f"{values.size:,}"
            for place, text, side in ((0, names[at], "left"), (1, size, "right")):
                axes.text(place, at - 0.18, text, fontsize=11, ha=side, color=colour("ink"))
        else:
            axes.annotate(
                f"{values.size:,}", (1, at), (5, 0), va="center", fontsize=11,
                xycoords=axes.get_yaxis_transform(), textcoords="offset points",
                color=colour("muted"),
            )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(len(rows) - 0.5, -0.55)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_yticks(
        [] if narrow else range(len(rows)),
        [] if narrow else names,
    )
    axes.tick_params(axis="y", colors=colour("ink"))
    shaded(figure, shades, 3 if narrow else len(shades.names))
    return figure


def _strip(
    axes: Axes, at: float, values: npt.NDArray[np.float64], shades: Shades, narrow: bool
) -> None:
    wide = 1 / values.size
    gap = min(0.12 * wide, 0.002)
    tall = 0.42 if narrow else 0.72
    by_paint: dict[str, list[tuple[float, float]]] = {}
    for number, value in enumerate(values.tolist()):
        if value == value:
            by_paint.setdefault(shades.paint(value), []).append((number * wide, wide - gap))
    for paint, spans in by_paint.items():
        axes.broken_barh(spans, (at - tall / 2, tall), facecolor=colour(paint), linewidth=0)


def _highest(values: npt.NDArray[np.float64], cells: int) -> npt.NDArray[np.float64]:
    """Reduce values to ``cells``, each the highest of its neighbours."""
    if values.size <= cells:
        return values
    edges = np.linspace(0, values.size, cells + 1).round().astype(int)[:-1]
    highest = np.maximum.reduceat(np.nan_to_num(values, nan=-1.0), edges)
    return np.where(highest < 0, np.nan, highest)
