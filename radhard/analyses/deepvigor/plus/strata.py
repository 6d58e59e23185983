"""How many pairs of weights and images does each drawn pair represent?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.sampled import MemberSample, Sample
from radhard.analyses.deepvigor.plus.sampling import Numbers

__all__ = ["DEAD", "REPEATED", "Strata", "strata_of"]

Array = npt.NDArray[np.float64]

REPEATED = -1
"""The stratum of a pair that was drawn before."""

DEAD = 0
"""That of a weight with only zero inputs in the image. Else 1, or 2 for positive weights."""

_COARSER = (((1,), (2,)), ((1, 2),), ((0, 1, 2),))
"""Divisions into strata; the first one is used in which no stratum is without a row."""


@dataclass(frozen=True)
class Strata:
    """Pairs of a weight of a channel and an image, of which some were drawn.

    ``of`` is the stratum of each row, ``(channels, rows)``; ``sizes`` is the total number of pairs
    in each stratum, ``(channels, 3)``; ``certain`` is the factor of the dead ones, which is known,
    ``(channels,)``.

    Weights of either sign, and those with only zero inputs, have different effects. As their
    numbers are known, stratification removes this part of the sampling error.
    """

    of: Numbers
    sizes: Numbers
    certain: Array

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The parts concatenated."""
        names = ("of", "sizes", "certain")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def sample(self, channel: int, low: Array, middle: Array, high: Array) -> Sample:
        """What is known about a channel, from the factors of its rows, ``(rows,)`` each."""
        of, sizes = self.of[channel], self.sizes[channel]
        cells: list[MemberSample] = []
        for kinds in _COARSER:
            cells = [
                MemberSample(
                    low[of_kind], middle[of_kind], high[of_kind], int(sizes[list(kind)].sum())
                )
                for kind in kinds
                # Pairs that were drawn before are of no kind, so that each pair counts once.
                for of_kind in [np.isin(of, kind)]
            ]
            cells = [cell for cell in cells if cell.population]
            if all(len(cell.middle) for cell in cells):
                break
        share = sum(cell.population for cell in cells) / int(sizes.sum())
        # Nothing if the dead pairs are sampled with the others: then ``share`` is 1.
        certain = (1 - share) * float(self.certain[channel])
        return Sample((certain, certain, certain), share, tuple(cells))


def strata_of(
    pairs: Numbers, live: npt.NDArray[np.bool_], rising: npt.NDArray[np.bool_]
) -> Numbers:
    """The stratum of each row of a channel, all ``(rows,)``; ``pairs`` are numbers of pairs."""
    # 1 for weights up to 0, 2 for positive ones, as in `Strata.sizes`.
    strata = np.where(live, 1 + rising.astype(np.int64), DEAD)
    _, first = np.unique(pairs, return_index=True)
    again = np.ones(len(pairs), dtype=bool)
    again[first] = False
    return np.where(again, REPEATED, strata)
