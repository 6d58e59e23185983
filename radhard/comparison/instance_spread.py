"""How much do tolerable error rates differ between instances of one network?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from radhard.comparison.tolerance import Tolerable
from radhard.errors import InputError
from radhard.stats import Estimate, percent
from radhard.stats.sample_size import two_sided

__all__ = ["Spread", "spread"]

_LARGEST = 700.0
"""Exponentials of larger numbers overflow."""


@dataclass(frozen=True)
class Spread:
    """How far the tolerable error rates of several instances lie apart.

    >>> print(spread([1e-6, 2e-6, 4e-6]))
    max/min 4, geometric standard deviation 2 [1.43, 78] (95 %, 3 instances)
    """

    ratio: float
    """The largest value divided by the smallest; it grows with the number of instances."""
    deviation: Estimate
    """Geometric standard deviation: 2 if the values differ by a factor of 2 up or down."""
    bounds: int
    """Number of instances whose value is outside the rates tried; both figures are then lower
    limits, computed with the nearest rate that was tried."""

    def __str__(self) -> str:
        least = ">= " if self.bounds else ""
        note = f"; {self.bounds} outside the rates tried" if self.bounds else ""
        deviation = self.deviation
        return (
            f"max/min {least}{self.ratio:.3g}, geometric standard deviation {least}"
            f"{deviation.value:.3g} [{deviation.low:.3g}, {deviation.high:.3g}] "
            f"({percent(deviation.confidence)}, {deviation.trials} instances){note}"
        )


def spread(values: Sequence[Tolerable | float], *, confidence: float = 0.95) -> Spread:
    """The spread of the tolerable error rates of several instances of one network.

    Error rates differ by factors, so the deviation is that of their logarithms: the exponential of
    the standard deviation, with n - 1. Its interval assumes that the rates are distributed
    log-normally.

    With `tolerable` as it is, every instance is measured against its own fault-free error. To
    measure all against the largest::

        worst = max(fault_free_error(run) for run in runs)
        spread([tolerable(run, reference=worst) for run in runs])

    Raises:
        InputError: fewer than two values, one that is not positive, or values outside the rates
            tried although the instances were not tried at the same rates.

    >>> spread([1e-6, 2e-6, 4e-6]).ratio
    4.0
    """
    if len(values) < 2:
        raise InputError(f"a spread needs at least 2 instances; {len(values)} given")
    two_sided(confidence)  # raises for an invalid confidence
    inside = _inside(values)
    logs = np.log(inside)
    bounds = sum(isinstance(value, Tolerable) and value.is_bound for value in values)
    degrees = len(logs) - 1
    sigma, tail = float(np.std(logs, ddof=1)), (1 - confidence) / 2
    # Degrees times the ratio of sample and true variance is chi-square: its upper quantile gives
    # the lower limit.
    low, high = (sigma * math.sqrt(degrees / chdtri(degrees, q)) for q in (tail, 1 - tail))
    # A deviation that is only a lower limit has no upper limit.
    most = math.inf if bounds or high > _LARGEST else math.exp(high)
    confident = Estimate(math.exp(sigma), math.exp(low), most, confidence, len(logs), unit="")
    return Spread(max(inside) / min(inside), confident, bounds)


def _inside(values: Sequence[Tolerable | float]) -> list[float]:
    """The values, those outside the rates tried moved to the nearest of them.

    The logarithms of values moved into one interval never lie farther apart than before, so that
    what is computed from them is a lower limit.
    """
    outside = [v for v in values if isinstance(v, Tolerable) and v.is_bound]
    tried = {(v.least, v.most) if isinstance(v, Tolerable) else None for v in values}
    if outside and len(tried) > 1:
        raise InputError(
            f"{len(outside)} of {len(values)} values are only bounds, and not all instances were "
            "tried at the same rates; run all with the same rates"
        )
    inside = []
    for value in values:
        if isinstance(value, Tolerable):
            inside.append(min(max(value.value, value.least), value.most))
        elif 0 < value < math.inf:
            inside.append(float(value))
        else:
            raise InputError(f"{value!r} is not an error rate; give numbers above 0")
    return inside
