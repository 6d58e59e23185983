"""How many faults must be tried for a given margin?"""

import math
from numbers import Real

from scipy.special import ndtri

from radhard.errors import InputError

__all__ = ["critical_value", "effective_size", "sample_size", "two_sided"]


def critical_value(confidence: float) -> float:
    """The t of the sample-size formula: the two-sided normal quantile, rounded to three decimals.

    Rounded because the sample sizes in the literature are computed with 1.96, 2.576 and 1.645.
    Intervals use the unrounded quantile.

    Raises:
        InputError: a confidence outside (0, 1).

    >>> [critical_value(c) for c in (0.90, 0.95, 0.99)]
    [1.645, 1.96, 2.576]
    """
    return round(two_sided(confidence), 3)


def two_sided(confidence: float) -> float:
    """The normal quantile z for which ``confidence`` of the mass lies within -z and z.

    >>> round(two_sided(0.95), 6)
    1.959964
    """
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise InputError(f"confidence={confidence!r} is not between 0 and 1; try 0.95")
    return float(ndtri((1 + confidence) / 2))


def sample_size(population: int, margin: float, confidence: float = 0.95, p: float = 0.5) -> float:
    """Trials needed to estimate an error rate within ``margin`` (Leveugle et al., DATE 2009).

    ``n = N / (1 + e^2 (N - 1) / (t^2 p (1 - p)))``, with the finite-population correction. The
    result is not rounded: round it up for a run; to compare it with published tables, add the
    strata before rounding. ``margin`` is absolute (0.01 is one percentage point), ``p`` is the
    expected rate; 0.5 is the worst case.

    Raises:
        InputError: an empty population, a margin not above 0, p or confidence outside (0, 1).

    >>> round(sample_size(1000, 0.01), 2)
    905.78
    >>> math.ceil(sample_size(10**11, 0.01))
    9604
    """
    if population < 1:
        raise InputError(f"population={population!r} is empty; it must be at least 1")
    if not 0 < margin < math.inf:
        raise InputError(f"margin={margin!r} is not above 0; 0.01 is one percentage point")
    if not 0 < p < 1:
        raise InputError(f"p={p!r} is not between 0 and 1; 0.5 is the worst case")
    # The squared half width of the interval of a single trial.
    spread = critical_value(confidence) ** 2 * p * (1 - p)
    return population / (1 + margin**2 * (population - 1) / spread)


def effective_size(n: int, population: int | None) -> float:
    """The effective number of trials when ``n`` of ``population`` are drawn without replacement.

    ``n (N - 1) / (N - n)``, the number of draws from an infinite population with the same variance
    of the mean; infinite if all are tried. ``population=None`` means an infinite population.

    Raises:
        InputError: more trials than the population has members.

    >>> effective_size(500, 1000), effective_size(1000, 1000), effective_size(500, None)
    (999.0, inf, 500.0)
    """
    if population is None:
        return float(n)
    if not 0 <= n <= population:
        raise InputError(
            f"{n} different trials cannot be drawn from a population of {population}; if trials "
            "were drawn with replacement, give population=None"
        )
    return math.inf if n == population else n * (population - 1) / (population - n)
