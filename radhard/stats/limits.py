"""Is a number allowed, and is an estimate within a limit?"""

import math
from dataclasses import dataclass
from typing import final

from radhard.errors import InputError
from radhard.stats.estimate import Estimate, percent

__all__ = ["LimitCheck", "check_number", "is_within"]


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


@final
@dataclass(frozen=True, repr=False)
class LimitCheck:
    """A limit that was asked for, and the estimate whose upper confidence limit it bounds.

    >>> rate = Estimate(0.01, 0.005, 0.02, confidence=0.95, trials=800)
    >>> print(LimitCheck("critical SDC rate", "", 0.015, rate))
    FAIL  critical SDC rate 1.0 % [0.5 %, 2.0 %]: upper limit above 1.5 %
    """

    figure: str
    """What was estimated, in words."""
    group: str
    """Such as an error rate; empty for the whole."""
    limit: float
    estimate: Estimate

    @property
    def passed(self) -> bool:
        """Whether the upper confidence limit is at most ``limit``."""
        return is_within(self.estimate, self.limit)

    @property
    def name(self) -> str:
        """The figure with its group."""
        return f"{self.figure} at {self.group}" if self.group else self.figure

    def __repr__(self) -> str:
        return f"<LimitCheck {self}>"

    def __str__(self) -> str:
        shown = str(self.estimate).rpartition(" (")[0]
        verdict, where = ("PASS", "at most") if self.passed else ("FAIL", "above")
        return f"{verdict}  {self.name} {shown}: upper limit {where} {percent(self.limit)}"
