"""What are the limits of the mean over all channels or layers, from those that were sampled?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from radhard.stats import Cell, mean_share, stratified_mean

__all__ = ["BoundedMean", "MemberSample", "Sample", "mean_of", "student", "weighted"]

Array = npt.NDArray[np.float64]

_FREEDOM = 3
"""Minimum degrees of freedom of a variance that is used."""


@dataclass(frozen=True)
class MemberSample:
    """Factors of some members of a population, drawn at random, ``(members,)`` each.

    ``low`` and ``high`` are the bounds after the searches, ``middle`` is the estimate.
    """

    low: Array
    middle: Array
    high: Array
    population: int


@dataclass(frozen=True)
class Sample:
    """What is known about a channel: its factor is ``known`` plus ``share`` times the mean drawn.

    ``known`` is a lower bound, estimate and upper bound; ``spread`` is half the width of the 95 %
    interval for sampling within members, such as products within a neuron.
    """

    known: tuple[float, float, float]
    share: float = 0.0
    cells: tuple[MemberSample, ...] = ()
    spread: float = 0.0


@dataclass(frozen=True)
class BoundedMean:
    """A mean: ``least`` and ``most`` are its bounds after the searches, without sampling error.

    ``low`` and ``high`` are the limits at 95 %, including the sampling error.
    """

    value: float
    least: float
    most: float
    low: float
    high: float

    def of_all(self, drawn: Array, population: int) -> "BoundedMean":
        """The mean over a population, if this is the mean of the ``drawn`` members.

        `self` includes the uncertainty of each member; independent of that is which members were
        drawn.
        """
        # Hence the squares of the two half widths are added.
        half = student(drawn, population)
        if half is None:
            among = mean_share(drawn, population=population)
            sides = among.value - among.low, among.high - among.value
        else:
            sides = half, half
        low = self.least - math.hypot(self.least - self.low, sides[0])
        high = self.most + math.hypot(self.high - self.most, sides[1])
        return BoundedMean(self.value, self.least, self.most, max(low, 0.0), min(high, 1.0))


def student(
    drawn: Array, population: int, *, pooled: float = 0.0, freedom: int = 0
) -> float | None:
    """Half the width of the 95 % interval, by Student's t, of a population mean from a sample.

    ``pooled`` is a lower limit of the variance, with ``freedom`` degrees of freedom. None if there
    are too few degrees of freedom, or if the variance is zero, which is not informative.

    >>> round(student(np.array([0.02, 0.03, 0.025, 0.02]), population=100), 4)
    0.0075
    """
    size = len(drawn)
    if size >= population:
        return 0.0
    # Few members may agree by chance, and their own variance would be far too small.
    variance = max(float(drawn.var(ddof=1)), pooled) if size > 1 else pooled
    freedom = max(size - 1, freedom)
    if freedom < _FREEDOM or not variance:
        return None
    # With the degrees of the group alone, which give the wider interval: either variance may be the
    # larger one, and only the pooled one has more degrees.
    quantile = float(stdtrit(max(size - 1, 1), 0.975))
    return quantile * math.sqrt(variance / size * (1 - size / population))


def mean_of(samples: Sequence[Sample]) -> BoundedMean:
    """The mean over some channels with equal numbers of pairs or neurons.

    >>> print(mean_of([Sample((0.1, 0.2, 0.3)), Sample((0.3, 0.4, 0.5))]).high)
    0.4
    """
    certain = np.array([sample.known for sample in samples]).mean(axis=0).tolist()
    share = float(np.mean([sample.share for sample in samples]))
    cells = [cell for sample in samples for cell in sample.cells]
    # Independent in every channel, hence added in quadrature.
    spread = math.sqrt(sum(sample.spread**2 for sample in samples)) / len(samples)
    if not cells or not share:
        low, value, high = certain
        return BoundedMean(value, low, high, max(low - spread, 0.0), min(high + spread, 1.0))
    estimates = [
        stratified_mean([Cell(getattr(cell, of), cell.population) for cell in cells])
        for of in ("low", "middle", "high")
    ]
    low, value, high = (
        at + share * estimate.value for at, estimate in zip(certain, estimates, strict=True)
    )
    # Sampling error below the lower bound and above the upper one, so that undecided errors count
    # in full.
    below = math.hypot(spread, share * (estimates[0].value - estimates[0].low))
    above = math.hypot(spread, share * (estimates[2].high - estimates[2].value))
    return BoundedMean(value, low, high, max(low - below, 0.0), min(high + above, 1.0))


def weighted(parts: Sequence[BoundedMean], weights: Sequence[float]) -> BoundedMean:
    """A weighted sum of independent means.

    Sampling errors are added in quadrature (Zou and Donner, Statistics in Medicine 2008), bounds
    after the searches linearly.
    """
    pairs = list(zip(weights, parts, strict=True))
    value, least, most = (
        sum(weight * getattr(part, of) for weight, part in pairs)
        for of in ("value", "least", "most")
    )
    below = math.sqrt(sum((weight * (part.least - part.low)) ** 2 for weight, part in pairs))
    above = math.sqrt(sum((weight * (part.high - part.most)) ** 2 for weight, part in pairs))
    return BoundedMean(value, least, most, max(least - below, 0.0), min(most + above, 1.0))
