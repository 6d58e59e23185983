"""Could a difference be chance?"""

import itertools
import math
from collections.abc import Callable

from radhard.stats.estimate import Estimate

__all__ = ["p_value"]

_LEAST = 1e-12
"""Below this the normal quantile loses digits; nobody tells such values apart."""

_LEVELS = (_LEAST, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.6, 0.999)
"""Between which the value is looked for, the smallest first. Above the last it is given as 1: an
interval of hardly any confidence has hardly any width."""


def p_value(interval: Callable[[float], Estimate]) -> float:
    """The smallest level at which an interval excludes 0: its two-sided p-value.

    ``interval`` gives the estimate at a confidence, and is the wider the higher that is. An
    interval at the confidence ``1 - alpha`` excludes 0 just where the p-value is below ``alpha``,
    so that the two never contradict each other. 0 where no interval holds 0, as when all faults
    were tried; values from there to 1e-12 are given as 1e-12.

    >>> from radhard.stats import Cell, mean_difference
    >>> cells = [Cell([-0.2, 0.0, 0.0, 0.0] * 10, 4_000)]
    >>> p = p_value(lambda confidence: mean_difference(cells, confidence))
    >>> mean_difference(cells, 1 - 1.1 * p).high < 0 < mean_difference(cells, 1 - p / 1.1).high
    True
    """

    def excluded(log_level: float) -> bool:
        found = interval(-math.expm1(log_level))
        return found.low > 0 or found.high < 0

    if excluded(math.log(_LEAST)):
        found = interval(1 - _LEAST)
        return 0.0 if found.low == found.high else _LEAST
    for below, level in itertools.pairwise(_LEVELS):
        if excluded(math.log(level)):
            low, high = math.log(below), math.log(level)
            break
    else:
        return 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if excluded(middle) else (middle, high)
    return math.exp(high)
