"""Where does a quantile lie, of figures that know no bounds?"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

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
    """The ``q`` quantile of a figure such as a distance, with limits that assume no distribution.

    The limits are two of the values themselves: how many values lie below a quantile is binomial,
    whatever the distribution. Infinite values are allowed, since they have an order. Where too few
    values lie beyond the quantile to bound it, the limit is that of ``bounds``, what the figure can
    be at all (``(0, inf)`` for a distance).

    Raises:
        InputError: no values, NaN, values outside the bounds, or q outside (0, 1).

    >>> print(quantile_interval(range(1, 101), 0.5))
    50 [40, 61] (95 %, 100 trials)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64).reshape(-1))
    n = ordered.size
    if n == 0:
        raise InputError("there are no values to take a quantile of; run at least one trial")
    if not 0 < q < 1:
        raise InputError(f"q={q!r} is not between 0 and 1; 0.5 is the median")
    if np.isnan(ordered[-1]):
        raise InputError("a value is NaN and has no order; leave NaN out and count it by itself")
    if ordered[0] < bounds[0] or ordered[-1] > bounds[1]:
        raise InputError(f"values reach from {ordered[0]} to {ordered[-1]}, outside {bounds}")
    two_sided(confidence)  # refuses a confidence that is none
    tail = (1 - confidence) / 2
    # Ranks from 1. A rank of 0 or n + 1 is no value: only the bounds are known there.
    below = int(binom.ppf(tail, n, q))
    above = int(binom.ppf(1 - tail, n, q)) + 1
    low = float(ordered[below - 1]) if below >= 1 else bounds[0]
    high = float(ordered[above - 1]) if above <= n else bounds[1]
    value = float(ordered[max(0, math.ceil(q * n - 1e-12 * n) - 1)])
    return Estimate(value, low, high, confidence, n, unit)
