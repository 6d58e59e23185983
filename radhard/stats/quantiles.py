"""What is the interval of a quantile, for values without bounds?"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr

from radhard.errors import InputError
from radhard.stats.estimate import Estimate
from radhard.stats.sample_size import two_sided

__all__ = ["quantile_interval"]


def quantile_interval(
    values: ArrayLike,
    q: float,
    confidence: float = 0.95,
    *,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    unit: str = "",
) -> Estimate:
    """The ``q`` quantile of a figure such as a distance, with a distribution-free interval.

    The limits are order statistics: the number of values below a quantile is binomial for every
    continuous distribution. Infinite values are allowed. If there are too few values beyond the
    quantile, the limit is that of ``bounds``, the range of possible values (``(0, inf)`` for a
    distance).

    Raises:
        InputError: no values, NaN, values outside the bounds, or q outside (0, 1).

    >>> print(quantile_interval(range(1, 101), 0.5))
    50 [40, 61] (95 %, 100 trials)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).reshape(-1))
    n = ordered.size
    if n == 0:
        raise InputError("the quantile of no values is undefined; run at least one trial")
    if not 0 < q < 1:
        raise InputError(f"q={q!r} is not between 0 and 1; 0.5 is the median")
    # Sorting moves NaN to the end.
    if np.isnan(ordered[-1]):
        raise InputError(
            "a value is NaN, which has no order; remove NaN values and count them separately"
        )
    if ordered[0] < bounds[0] or ordered[-1] > bounds[1]:
        raise InputError(f"values reach from {ordered[0]} to {ordered[-1]}, outside {bounds}")
    two_sided(confidence)  # raises for an invalid confidence
    tail = (1 - confidence) / 2
    # The value at rank `below` exceeds the quantile only if fewer than `below` values do not, which
    # has a probability under `tail`; `above` is the mirror image.
    # Ranks start at 1. At a rank of 0 or n + 1 there is no value, so the limit is the bound.
    below, last = np.searchsorted(bdtr(np.arange(n + 1), n, q), (tail, 1 - tail)).tolist()
    above = last + 1
    low = float(ordered[below - 1]) if below >= 1 else bounds[0]
    high = float(ordered[above - 1]) if above <= n else bounds[1]
    # A product that is an integer but for rounding, such as 0.07 * 100, must not be rounded up to
    # the next rank.
    value = float(ordered[max(0, math.ceil(q * n - 1e-12 * n) - 1)])
    return Estimate(value, low, high, confidence, n, unit)
