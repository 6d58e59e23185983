"""What is the rate for each tensor and bit position?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, sheet
from radhard.report.figures.legend import legend, patches
from radhard.stats import percent

__all__ = ["STEPS", "Grid", "grid", "step"]

STEPS = (0.001, 0.01, 0.1, 0.3)
"""Boundaries between shades, in powers of ten because rates of bits differ by as much."""


@dataclass(frozen=True)
class Grid:
    """A share for every row and column; None without trials."""

    rows: Sequence[str]
    columns: Sequence[str]
    shares: Sequence[Sequence[float | None]]
    weak: frozenset[tuple[int, int]] = frozenset()
    """Row and column of the cells that rest on few trials; they are marked."""
    axis: str = "bit position"
    """What the columns are."""


def step(share: float) -> str:
    """The shade of a share: heat0 for 0, then heat1 to heat5.

    >>> [step(share) for share in (0.0, 0.0004, 0.05, 0.9)]
    ['heat0', 'heat1', 'heat3', 'heat5']
    """
    return "heat0" if share <= 0 else f"heat{1 + sum(share >= edge for edge in STEPS)}"


def grid(cells: Grid, narrow: bool, *, none: str = "none seen") -> Figure:
    """Squares shaded by their share; dots have no trials, and a bar marks few trials.

    ``none`` is the label of 0.
    """
    rows, columns = len(cells.rows), len(cells.columns)
    width = 342 if narrow else 760
    each = 26 if narrow else 28
    above = 52 if narrow else 30
    height = above + each * rows + 44
    figure, axes = sheet(width, height)
    length = 16 if narrow else 28
    names = figure.names(cells.rows, length)
    left = 14 + 7.0 * max(map(len, names))
    figure.subplots_adjust(
        left=left / width, right=1 - 4 / width, top=1 - above / height, bottom=44 / height
    )
    _draw_squares(axes, cells.shares)
    if cells.weak:
        rows_, columns_ = np.array(sorted(cells.weak)).T
        axes.hlines(rows_ + 0.44, columns_ - 0.46, columns_ - 0.2, color=colour("muted"), lw=2)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.spines["bottom"].set_visible(False)
    # As many as have room beside each other.
    wide = 6.8 * max(map(len, cells.columns)) + 5
    every = max(1, math.ceil(wide * columns / (width - 4 - left)))
    # Counted from the right, so that bit 0 has a label.
    ticks = [x for x in range(columns) if (columns - 1 - x) % every == 0]
    axes.set_xticks(ticks, [cells.columns[x] for x in ticks], fontsize=11)
    axes.set_yticks(range(rows), names)
    axes.tick_params(axis="y", colors=colour("ink"))
    axes.set_xlabel(cells.axis, color=colour("muted"), fontsize=12)
    edges = [percent(edge).replace(" ", "") for edge in STEPS]
    shades = [
        none,
        *(f"{'to ' if low is None else low + '–'}{high}" for low, high in _pairs(edges)),
        f"over {edges[-1]}",
    ]
    shown = patches([(name, f"heat{i}") for i, name in enumerate(shades)])
    legend(figure, shown, columns=3 if narrow else 6)
    return figure


def _draw_squares(axes: Axes, shares: Sequence[Sequence[float | None]]) -> None:
    """A square for every share, and a dot where there is none."""
    # One collection for all squares of a shade: hundreds of patches take longer than all the rest.
    squares: dict[str, list[list[tuple[float, float]]]] = {}
    empty: list[tuple[int, int]] = []
    for y, row in enumerate(shares):
        for x, share in enumerate(row):
            if share is None:
                empty.append((x, y))
            else:
                left, right, top, low = x - 0.46, x + 0.46, y - 0.44, y + 0.44
                corners = [(left, top), (right, top), (right, low), (left, low)]
                squares.setdefault(step(share), []).append(corners)
    for paint, corners_of in squares.items():
        axes.add_collection(PolyCollection(corners_of, facecolors=colour(paint), linewidths=0))
    if empty:
        axes.plot(*zip(*empty, strict=True), ".", color=colour("muted"), markersize=2.5)


def _pairs(edges: Sequence[str]) -> list[tuple[str | None, str]]:
    lows: list[str | None] = [None, *(edge.removesuffix("%") for edge in edges[:-1])]
    return list(zip(lows, edges, strict=True))
