"""Is a number allowed, and is an estimate within a limit?"""

import math

from radhard.errors import InputError
from radhard.stats.estimate import Estimate

__all__ = ["check_number", "is_within"]


def check_number(name: str, value: float, low: float = -math.inf, high: float = math.inf) -> float:
    """Returns the value if it is a finite number from ``low`` to ``high``.

    Every comparison with NaN is false; the condition is written so that NaN is rejected.

    Raises:
        InputError: the value is not such a number.

    >>> check_number("max_rate", 0.01, 0, 1)
    0.01
    """
    # True and False are instances of int.
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


def is_within(estimate: Estimate, limit: float) -> bool:
    """Whether the upper confidence limit is at most ``limit``; False if either is NaN.

    >>> rate = Estimate(0.01, 0.005, 0.02, confidence=0.95, trials=800)
    >>> is_within(rate, 0.02), is_within(rate, 0.01), is_within(rate, math.nan)
    (True, False, False)
    """
    return estimate.high <= limit
