"""Which shade represents a score?"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from radhard.report.figures.legend import legend, patches
from radhard.stats import percent

if TYPE_CHECKING:
    from radhard.scores import Unit

__all__ = ["Shades", "shaded"]


@dataclass(frozen=True)
class Shades:
    """Five shades, and one for 0; ``names`` contains their meanings."""

    edges: tuple[float, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Sequence[float], unit: "Unit") -> "Shades":
        """Shades for these values, each with about a fifth of the values above 0.

        Edges of shares are rounded as far as possible, and equal edges are merged.

        >>> Shades.of([0.0, 0.003, 0.011, 0.02, 0.2], "share").names
        ('0 %', 'to 0.8 %', '0.8 %–1 %', '1 %–2 %', '2 %–9 %', 'over 9 %')
        >>> Shades.of([5.0, 1.0, 2.0, 3.0, 4.0], "relative").edges
        (1.8, 2.6, 3.4, 4.2)
        """
        positive = np.array([v for v in values if v > 0])
        if not positive.size:
            return cls((), ("0 %" if unit == "share" else "0",))
        edges = [float(q) for q in np.quantile(positive, [0.2, 0.4, 0.6, 0.8])]
        if unit == "share":
            return cls._at_shares(edges)
        names = ("0", "lowest fifth", "second", "middle", "fourth", "highest fifth")
        return cls(tuple(edges), names)

    @classmethod
    def _at_shares(cls, edges: list[float]) -> "Shades":
        for digits in (1, 2, 3):
            round_ = sorted({float(f"{edge:.{digits}g}") for edge in edges})
            if len(round_) == len(edges):
                break
        texts = [percent(edge) for edge in round_]
        between = [f"{a}–{b}" for a, b in itertools.pairwise(texts)]
        return cls(tuple(round_), ("0 %", f"to {texts[0]}", *between, f"over {texts[-1]}"))

    def paint(self, value: float) -> str:
        """The colour of the style sheet for a value."""
        if value <= 0 or not self.edges:
            return "heat0"
        return f"heat{1 + sum(value > edge for edge in self.edges)}"

    def dark(self, value: float) -> bool:
        """Whether text on the shade of a value must be light."""
        return self.paint(value) in ("heat4", "heat5")


def shaded(figure: Figure, shades: Shades, columns: int) -> None:
    """Draw a legend of the shades above a figure."""
    shown = patches([(name, f"heat{i}") for i, name in enumerate(shades.names)])
    legend(figure, shown, columns=columns)
