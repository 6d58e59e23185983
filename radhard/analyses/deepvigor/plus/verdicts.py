"""What are the vulnerability factors of channels or neurons, from the searches of their rows?"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from radhard.analyses.deepvigor.plus.counting import Shares
from radhard.analyses.deepvigor.plus.search import SearchResult

__all__ = ["Verdicts"]

Array = npt.NDArray[np.float64]

_Z = 1.959964
"""Quantile of the normal distribution, for 95 %."""


@dataclass(frozen=True)
class Verdicts:
    """Vulnerability factors, ``(groups, rows)``: a group is a channel or neuron, a row an image.

    ``low`` and ``high`` are the bounds after the search, ``middle`` is the estimate; ``positive``
    and ``negative`` are the smallest critical magnitudes (NaN if there is none). ``resting``,
    ``(groups, ways)``, is the mean over the rows of the share of errors that depends on inferred
    predictions, by way. ``spread``, ``(groups,)``, is half the width of the 95 % interval of a
    group's mean, for the sampling of products in each row.
    """

    low: Array
    high: Array
    middle: Array
    positive: Array
    negative: Array
    resting: Array
    spread: Array

    @classmethod
    def of(
        cls,
        positive: SearchResult,
        negative: SearchResult,
        shares: Shares,
        rows: int,
        *,
        products: int | None = None,
    ) -> Self:
        """From the search results, ``rows`` per group; ``shares`` are those of some ``products``.

        Without ``products`` they are those of all.
        """
        low, middle, high = shares.means
        tensors = (low, high, middle, positive.critical, negative.critical)
        factors = [each.double().cpu().numpy().reshape(-1, rows) for each in tensors]
        resting = (positive.resting + negative.resting).double().cpu().numpy()
        resting = resting.reshape(len(factors[0]), rows, -1).mean(axis=1)
        spread = np.zeros(len(factors[0]))
        drawn = shares.middle.shape[1]
        if products is not None and drawn < products:
            within = shares.middle.double().cpu().numpy().var(axis=1, ddof=1).reshape(-1, rows)
            # Rows draw their products independently; the second factor is the finite population
            # correction.
            error = np.sqrt(within.mean(axis=1) * (1 - drawn / products) / (drawn * rows))
            # The second term, as in Wilson's interval, keeps the width positive if the variance of
            # the sample is zero.
            spread = np.hypot(_Z * error, _Z**2 / 2 / (drawn * rows))
        return cls(*(*factors, resting, spread))

    @property
    def means(self) -> list[tuple[float, float, float]]:
        """Means over the rows of each group: lower bound, estimate and upper bound."""
        sides = (self.low, self.middle, self.high)
        return list(zip(*(side.mean(axis=1).tolist() for side in sides), strict=True))
