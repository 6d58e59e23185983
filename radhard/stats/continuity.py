"""Which continuity correction of a count makes Wilson's limit agree with the exact limit?"""

import math
from functools import lru_cache

import numpy as np
from scipy.special import betaincinv, betaln, ndtr

__all__ = ["continuity_correction", "lowest_share"]

_SMALL_PART = 0.02
"""Sampling fraction up to which the population is treated as infinite: the limits become at most
1 % wider, never narrower, and the sum over the hypergeometric distribution is not needed."""


def continuity_correction(events: float, n: float, fraction: float, z: float) -> float:
    """The continuity correction of ``events`` in ``n`` trials for a lower limit, in events.

    Wilson's lower limit of a share, computed from ``events`` minus this correction, is the exact
    limit (see `lowest_share`) with the tail probability of ``z``. ``fraction`` is the sampling
    fraction. Between two integer counts the correction is interpolated. About half an event
    corrects for the discreteness of a count; the skewness of its distribution adds to it or
    reduces it, down to 0.

    >>> round(continuity_correction(1, 1000, 0.0, 1.959964), 3)
    0.663
    """
    # Sums of distances hardly ever hit an integer exactly; without the tolerance, a count would be
    # interpolated with its neighbour.
    low, high = math.floor(events + 1e-9), math.ceil(events - 1e-9)
    # Halves are common: subtract a little, so that rounding errors do not decide their direction.
    trials = max(high, round(n - 1e-6))
    population = None if fraction == 0 else max(trials, round(trials / fraction - 1e-6))
    below, above = (_correction(count, trials, population, z) for count in (low, high))
    return below if low == high else below + (events - low) * (above - below)


@lru_cache(maxsize=4096)
def _correction(events: int, n: int, population: int | None, z: float) -> float:
    if events == 0 or n == population:
        return 0.0
    finite = population is not None and n > _SMALL_PART * population
    share = lowest_share(events, n, population if finite else None, float(ndtr(-z)))
    # The effective size also where the exact limit takes the population for infinite, because
    # Wilson's limit, which is corrected, is always computed with it.
    size = n if population is None else n * (population - 1) / (population - n)
    # Wilson's formula inverted: the observed share whose lower limit is the exact one.
    observed = share + z * math.sqrt(share * (1 - share) / size)
    return max(0.0, events - n * observed)


def lowest_share(events: int, n: int, population: int | None, tail: float) -> float:
    """The smallest share at which ``events`` or more events have a probability above ``tail``.

    Trials are drawn without replacement, so the number of events is hypergeometric; it is binomial
    if ``population`` is None (Clopper and Pearson, 1934). The largest share is one minus the
    smallest share of non-events.

    >>> round(lowest_share(1, 100, None, 0.025), 6), lowest_share(1, 100, 1000, 0.025)
    (0.000253, 0.001)
    """
    if events == 0:
        return 0.0
    if population is None:
        return float(betaincinv(events, n - events + 1, tail))
    # The population contains at least the observed events and the observed non-events. The search
    # starts at the binomial limit and brackets the hypergeometric one with growing steps.
    low, high = events, population - n + events
    guess = min(
        max(math.floor(population * float(betaincinv(events, n - events + 1, tail))), low), high
    )
    step = max(1, round(0.02 * guess))

    def possible(total: int) -> bool:
        # The tolerance keeps a probability that equals `tail` up to rounding.
        return _at_least(events, n, total, population) > tail * (1 - 1e-9)

    if possible(guess):
        high = guess
        while high > low and possible(max(low, high - step)):
            high, step = max(low, high - step), 2 * step
        low = max(low, high - step)
    else:
        low = guess + 1
        while low + step < high and not possible(low + step):
            low, step = low + step + 1, 2 * step
        high = min(high, low + step)
    while low < high:
        middle = (low + high) // 2
        if possible(middle):
            high = middle
        else:
            low = middle + 1
    return low / population


def _at_least(events: int, n: int, total: int, population: int) -> float:
    """The probability of ``events`` or more among ``n`` drawn of a population with ``total``.

    ``scipy.stats.hypergeom.sf``, without the import of scipy.stats, which takes longer than all
    limits of a page.
    """
    k = np.arange(events, min(n, total) + 1)
    # The logarithm of (total choose k) (population - total choose n - k) / (population choose n).
    logs = betaln(total + 1, 1) + betaln(population - total + 1, 1)
    logs += betaln(population - n + 1, n + 1) - betaln(population + 1, 1)
    ways = betaln(k + 1, total - k + 1) + betaln(n - k + 1, population - total - n + k + 1)
    return float(np.exp(logs - ways).sum())
