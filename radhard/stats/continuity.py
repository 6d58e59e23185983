"""How many trials have to count as not seen, so that counted verdicts keep the confidence?"""

import math
from functools import lru_cache

from scipy.special import betaincinv, ndtr
from scipy.stats import hypergeom

__all__ = ["lowest_share", "withheld"]

_SMALL_PART = 0.02
"""Part of a population up to which the draws are taken to be from an endless one: the limits are
wider then by a hundredth at most, never narrower, and need no sum over the distribution."""


def withheld(seen: float, n: float, tried: float, z: float) -> float:
    """The part of ``seen`` events in ``n`` trials that a lower limit must not rest on.

    Wilson's lower limit of a share, computed from ``seen`` less this part, is the exact limit (see
    `lowest_share`) with ``(1 - confidence) / 2`` beyond it. ``tried`` is the part of the population
    that was tried. Between two whole counts the part is interpolated. It is about half a trial for
    the steps of a count, and more (or less, down to none) for the skewness of its distribution.

    >>> round(withheld(1, 1000, 0.0, 1.959964), 3)
    0.663
    """
    low, high = math.floor(seen + 1e-9), math.ceil(seen - 1e-9)
    # Less a little, since halves are common and rounding is not to decide about them.
    trials = max(high, round(n - 1e-6))
    population = None if tried == 0 else max(trials, round(trials / tried - 1e-6))
    below, above = (_withheld(count, trials, population, z) for count in (low, high))
    return below if low == high else below + (seen - low) * (above - below)


@lru_cache(maxsize=4096)
def _withheld(seen: int, n: int, population: int | None, z: float) -> float:
    if seen == 0 or n == population:
        return 0.0
    summed = population is not None and n > _SMALL_PART * population
    share = lowest_share(seen, n, population if summed else None, float(ndtr(-z)))
    size = n if population is None else n * (population - 1) / (population - n)
    # Of Wilson's limit: the share that has to be seen for the limit to be this one.
    rests_on = share + z * math.sqrt(share * (1 - share) / size)
    return max(0.0, seen - n * rests_on)


def lowest_share(seen: int, n: int, population: int | None, tail: float) -> float:
    """The smallest share at which ``seen`` events or more have a probability above ``tail``.

    Of trials without replacement, so that the number of events is hypergeometric; binomial where
    ``population`` is None (Clopper and Pearson, 1934). The largest share is one less the smallest
    share of non-events.

    >>> round(lowest_share(1, 100, None, 0.025), 6), lowest_share(1, 100, 1000, 0.025)
    (0.000253, 0.001)
    """
    if seen == 0:
        return 0.0
    if population is None:
        return float(betaincinv(seen, n - seen + 1, tail))
    # Events in the population: at least those seen, and they must have left room for the others.
    low, high = seen, population - n + seen
    guess = min(
        max(math.floor(population * float(betaincinv(seen, n - seen + 1, tail))), low), high
    )
    step = max(1, round(0.02 * guess))

    def possible(events: int) -> bool:
        # What is as probable as `tail` up to rounding stays possible.
        return bool(hypergeom.sf(seen - 1, population, events, n) > tail * (1 - 1e-9))

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
