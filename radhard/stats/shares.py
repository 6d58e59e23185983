"""What is the interval of a share, given a number of successes?"""

import math

from scipy.special import betaincinv

from radhard.errors import InputError
from radhard.stats.sample_size import two_sided

__all__ = ["clopper_pearson", "rule_of_three", "wilson"]


def wilson(share: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share observed in ``n`` trials (Wilson, JASA 1927).

    The counts need not be integers, so ``n`` may be an effective number of trials. For an infinite
    ``n`` the interval has width 0.

    Raises:
        InputError: a share outside [0, 1], or ``n`` not above 0.

    >>> [round(limit, 4) for limit in wilson(0.1, 100)]
    [0.0552, 0.1744]
    """
    if not 0 <= share <= 1:
        raise InputError(f"share={share!r} is not between 0 and 1")
    if not n > 0:
        raise InputError(f"n={n!r} trials are too few; n must be above 0")
    z = two_sided(confidence)
    if math.isinf(n):
        return share, share
    shrink = 1 / (1 + z * z / n)
    middle = shrink * (share + z * z / (2 * n))
    half = shrink * z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # For shares of 0 and 1 the limit is exactly 0 or 1; rounding errors must not change it.
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    # Rounding could leave the share itself outside, which an `Estimate` does not accept.
    return min(low, share), max(high, share)


def clopper_pearson(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact binomial interval, with at least the nominal coverage (Clopper & Pearson, 1934).

    Raises:
        InputError: successes outside [0, n], or ``n`` not above 0.

    >>> [round(limit, 4) for limit in clopper_pearson(0, 100)]
    [0.0, 0.0362]
    """
    if not n > 0:
        raise InputError(f"n={n!r} trials are too few; n must be above 0")
    if not 0 <= successes <= n:
        raise InputError(f"successes={successes!r} is not between 0 and n={n!r}")
    two_sided(confidence)  # raises for an invalid confidence
    tail = (1 - confidence) / 2
    # The beta distribution of the limit has no parameter 0; the limit is then the end of the range.
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def rule_of_three(n: float, confidence: float = 0.95) -> float:
    """The upper limit of a rate after ``n`` trials without an event; about 3 / n at 95 %.

    One-sided: at this rate, ``n`` trials contain no event with probability ``1 - confidence``.

    Raises:
        InputError: ``n`` not above 0.

    >>> round(rule_of_three(1000), 6)
    0.002991
    """
    if not n > 0:
        raise InputError(f"n={n!r} trials are too few; n must be above 0")
    two_sided(confidence)  # raises for an invalid confidence
    # 1 - (1 - confidence)**(1 / n), which would lose most digits for large n.
    return -math.expm1(math.log1p(-confidence) / n)
