"""Is an estimate within a limit, whatever the two numbers are?"""

import math

from radhard.errors import InputError
from radhard.stats.estimate import Estimate

__all__ = ["demand_number", "surely_within"]


def demand_number(name: str, value: float, low: float = -math.inf, high: float = math.inf) -> float:
    """The value, if it is a finite number from ``low`` to ``high``.

    Written so that NaN, with which every comparison is false, is refused like any other value that
    is not allowed.

    Raises:
        InputError: it is not.

    >>> demand_number("max_rate", 0.01, 0, 1)
    0.01
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= value <= high and -math.inf < value < math.inf):
        bounds = {
            (True, True): f"a number from {low:g} to {high:g}",
            (True, False): f"a finite number, {low:g} or above",
            (False, True): f"a finite number, {high:g} or below",
            (False, False): "a finite number",
        }[math.isfinite(low), math.isfinite(high)]
        raise InputError(f"{name}={value!r} is not allowed; it is {bounds}")
    return value


def surely_within(estimate: Estimate, limit: float) -> bool:
    """Whether the upper confidence limit is no greater than ``limit``: False where either is NaN.

    >>> rate = Estimate(0.01, 0.005, 0.02, confidence=0.95, trials=800)
    >>> surely_within(rate, 0.02), surely_within(rate, 0.01), surely_within(rate, math.nan)
    (True, False, False)
    """
    return estimate.high <= limit
