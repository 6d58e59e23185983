"""What follows from the settled rows for each channel or neuron?"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from torch import Tensor

from radhard.analyses.deepvigor.plus.search import Settled

__all__ = ["Verdicts"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Verdicts:
    """Vulnerability factors, ``(groups, rows)``: a group is a channel or neuron, a row an image.

    ``low`` and ``high`` are what the search left open, ``middle`` is the estimate; ``positive`` and
    ``negative`` are the smallest magnitudes that were found critical (infinite where none was).
    ``resting``, ``(groups, ways)``, is the mean over the rows of the share of errors that rests on
    answers which were inferred, by the way.
    """

    low: Array
    high: Array
    middle: Array
    positive: Array
    negative: Array
    resting: Array

    @classmethod
    def of(cls, sure: Tensor, positive: Settled, negative: Settled, rows: int) -> Self:
        """From what was settled, ``rows`` in a group."""
        low = sure + positive.low + negative.low
        high = sure + positive.high + negative.high
        middle = sure + positive.middle + negative.middle
        found = (low, high, middle, positive.critical, negative.critical)
        factors = [each.double().cpu().numpy().reshape(-1, rows) for each in found]
        resting = (positive.resting + negative.resting).double().cpu().numpy()
        resting = resting.reshape(len(factors[0]), rows, -1).mean(axis=1)
        return cls(*(*factors, resting))

    @property
    def factors(self) -> Array:
        """``(groups,)``: the means over the rows."""
        mean: Array = self.middle.mean(axis=1)
        return mean
