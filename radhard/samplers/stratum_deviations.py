"""How much do the values of strata vary, also of those whose trials have all shown the same?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

__all__ = ["stratum_deviations"]

_SIZES = 4
"""For how many odd values of a stratum those of the strata that look like it count."""

Floats = npt.NDArray[np.float64]


def stratum_deviations(values: Sequence[Floats], weights: Sequence[float]) -> list[float]:
    """The standard deviation of the values of each stratum, to plan further trials with.

    A stratum whose trials happen to be nearly all equal seems to vary less than it does. A plan
    that gave few more trials to such strata, and many to those whose trials happen to differ, would
    leave the former as they are, and the mean wrong: with 30 strata of 40 trials, and harm of 2 %
    everywhere, 13 strata show none. Therefore strata that look alike are taken to vary alike: the
    share of values that are not the usual one is the mean over all strata from which as many trials
    might have shown about as many of them, and it is counted in the trials that are left out, as
    the probability of unseen species is (Good, Biometrika 1953; Robbins, 1956). Where harm is in
    few strata, which then look like no other, this changes hardly anything.

    Args:
        values: those of the trials of each stratum.
        weights: the share of the faults in each.

    >>> flat, varied = np.zeros(4), np.array([0.0, 0.0, 0.0, 1.0])
    >>> [round(one, 2) for one in stratum_deviations([flat, flat], [0.5, 0.5])]
    [0.0, 0.0]
    >>> [round(one, 2) for one in stratum_deviations([flat, varied], [0.5, 0.5])]
    [0.35, 0.35]
    """
    shown = [_Shown.of(own) for own in values]
    return [math.sqrt(_variance(one, shown, weights)) for one in shown]


@dataclass(frozen=True)
class _Shown:
    """What the trials of a stratum have shown."""

    trials: int
    odd: int
    """Those whose value is not the most frequent one."""
    variance: float

    @classmethod
    def of(cls, values: Floats) -> "_Shown":
        if len(values) < 2:
            return cls(len(values), 0, 0.0)
        _, counts = np.unique(values, return_counts=True)
        return cls(len(values), len(values) - int(counts.max()), float(values.var(ddof=1)))


def _variance(one: _Shown, every: Sequence[_Shown], weights: Sequence[float]) -> float:
    """The mean variance of strata that look as one does."""
    alike = share = varied = 0.0
    for weight, other in zip(weights, every, strict=True):
        if other.trials < 2:
            continue
        chance, odd = _looks_like(one.trials, one.odd, other.trials, other.odd)
        # What few trials look like says little of what many do.
        weight *= min(1.0, other.trials / max(one.trials, 1))
        alike += weight * chance
        share += weight * odd
        if other.odd:
            varied += weight * odd * other.variance * other.trials / other.odd
    if not alike or not share:
        return one.variance
    # How far odd values are from the others: their own distances, and as many of strata alike.
    size = (one.variance * one.trials + _SIZES * varied / share) / (one.odd + _SIZES)
    return size * share / alike


@lru_cache(2**14)
def _looks_like(trials: int, odd: int, others: int, other_odd: int) -> tuple[float, float]:
    """How probably some of another stratum's trials look like those of one; that and one more odd.

    They look alike if their numbers of odd values differ by no more than chance.
    """
    some = min(trials, others - 1)
    expected = odd * some / max(trials, 1)
    # The standard deviation of a small number, which is about 1 of none.
    reach = math.sqrt(expected + 1)
    first = max(0, some - (others - other_odd), math.ceil(expected - reach))
    last = min(some, other_odd, math.floor(expected + reach))
    if last < first:
        return 0.0, 0.0
    found = np.arange(first, last + 1)
    chances = np.exp(
        _ways(other_odd, found)
        + _ways(others - other_odd, some - found)
        - _ways(others, np.array(some))
    )
    left = (other_odd - found) / (others - some)
    return float(chances.sum()), float(chances @ left)


def _ways(all_: int, some: npt.NDArray[np.int64]) -> Floats:
    """The logarithm of the number of ways to take some of all."""
    found: Floats = gammaln(all_ + 1) - gammaln(some + 1) - gammaln(all_ - some + 1)
    return found
