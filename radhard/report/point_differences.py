"""How is a difference between shares written, so that it is not taken for a share of a share?"""

from radhard.stats import NOISE, Estimate

__all__ = ["in_points", "numbers_in_points"]


def in_points(estimate: Estimate) -> Estimate:
    """A difference between two shares, in percentage points.

    >>> print(in_points(Estimate(-0.01, -0.019, -0.0004, confidence=0.95, trials=600)))
    -1.0 [-1.9, -0.04] points (95 %, 600 trials)
    """
    return estimate.map(_in_percent, "points") if estimate.unit == "share" else estimate


def numbers_in_points(estimate: Estimate) -> Estimate:
    """The same without the unit, which the head of the column has.

    >>> print(numbers_in_points(Estimate(-0.01, -0.019, -0.0004, confidence=0.95, trials=600)))
    -1.0 [-1.9, -0.04] (95 %, 600 trials)
    """
    return estimate.map(_in_percent, "") if estimate.unit == "share" else estimate


def _in_percent(share: float) -> float:
    # What rounding leaves of 0 is no difference.
    return 100.0 * share if abs(100.0 * share) >= NOISE else 0.0
