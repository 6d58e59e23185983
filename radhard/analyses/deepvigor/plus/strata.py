"""For how many weights and images does each pair that was drawn stand?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.drawing import Numbers
from radhard.stats import Cell, stratified_mean

__all__ = ["DEAD", "REPEATED", "Strata", "strata_of"]

Array = npt.NDArray[np.float64]

REPEATED = -1
"""Of a pair that was drawn before."""

DEAD = 0
"""Of a weight that meets nothing but zeros in the image. Else 1, or 2 for positive weights."""

_COARSER = (((1,), (2,)), ((1, 2),), ((0, 1, 2),))
"""Strata that are told apart, the first of these that leaves none without a row."""


@dataclass(frozen=True)
class Strata:
    """Pairs of a weight of a channel and an image, of which some were drawn.

    ``of`` is the stratum of each row, ``(channels, rows)``; ``sizes`` the pairs that each stratum
    has in all, ``(channels, 3)``; ``certain`` the factor of the dead ones, which is known,
    ``(channels,)``.

    Weights of either sign, and those that an image switches off, do harm of different kinds. How
    many of them there are is known, so that chance need not tell.
    """

    of: Numbers
    sizes: Numbers
    certain: Array

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """One after another."""
        names = ("of", "sizes", "certain")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def mean(self, channel: int, factors: Array) -> tuple[float, float, float]:
        """Of all pairs, from the factors of the rows ``(rows,)``: estimate, and limits at 95 %.

        >>> half = Strata(np.array([[0, 1, 2]]), np.array([[50, 25, 25]]), np.array([0.0]))
        >>> half.mean(0, np.array([0.0, 0.0, 1.0]))[0]
        0.25
        """
        of, sizes = self.of[channel], self.sizes[channel]
        cells: list[Cell] = []
        for kinds in _COARSER:
            cells = [Cell(factors[np.isin(of, k)], int(sizes[list(k)].sum())) for k in kinds]
            cells = [cell for cell in cells if cell.population]
            if all(np.size(cell.values) for cell in cells):
                break
        share = sum(cell.population or 0 for cell in cells) / int(sizes.sum())
        known = (1 - share) * float(self.certain[channel])
        if not cells:
            return known, known, known
        found = stratified_mean(cells)
        return known + share * found.value, known + share * found.low, known + share * found.high


def strata_of(
    pairs: Numbers, live: npt.NDArray[np.bool_], rising: npt.NDArray[np.bool_]
) -> Numbers:
    """The stratum of each row of a channel, all ``(rows,)``; ``pairs`` are numbers of pairs."""
    found = np.where(live, 1 + rising.astype(np.int64), DEAD)
    _, first = np.unique(pairs, return_index=True)
    again = np.ones(len(pairs), dtype=bool)
    again[first] = False
    return np.where(again, REPEATED, found)
