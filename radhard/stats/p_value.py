"""What is the p-value of a difference, given its interval at every confidence?"""

import itertools
import math
from collections.abc import Callable

from radhard.stats.estimate import Estimate

__all__ = ["p_text", "p_value"]

_LEAST = 1e-12
"""Below this level the normal quantile loses precision, and smaller p-values do not matter."""

_LEVELS = (_LEAST, 1e-9, 1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.6, 0.999)
"""Levels that bracket the p-value, in increasing order. Above the last one the p-value is reported
as 1, because an interval at a confidence close to 0 has almost no width."""


def p_value(interval: Callable[[float], Estimate]) -> float:
    """The smallest level at which an interval excludes 0: its two-sided p-value.

    ``interval`` returns the estimate at a given confidence; its width must increase with the
    confidence. By construction the interval at the confidence ``1 - alpha`` excludes 0 exactly if
    the p-value is below ``alpha``, so the two never contradict each other. The p-value is 0 if no
    interval contains 0, for instance because all faults were tried; other values below 1e-12 are
    reported as 1e-12.

    >>> from radhard.stats import Cell, mean_difference
    >>> cells = [Cell([-0.2, 0.0, 0.0, 0.0] * 10, 4_000)]
    >>> p = p_value(lambda confidence: mean_difference(cells, confidence))
    >>> mean_difference(cells, 1 - 1.1 * p).high < 0 < mean_difference(cells, 1 - p / 1.1).high
    True
    """

    def excluded(log_level: float) -> bool:
        # 1 - level, without the cancellation that makes 1 - 1e-12 lose digits.
        estimate = interval(-math.expm1(log_level))
        return estimate.low > 0 or estimate.high < 0

    if excluded(math.log(_LEAST)):
        estimate = interval(1 - _LEAST)
        return 0.0 if estimate.low == estimate.high else _LEAST
    # A coarse grid first: every interval is a search of its own, and a bisection from 1e-12 to 1
    # would spend most of its steps on levels far below the usual p-values.
    for below, level in itertools.pairwise(_LEVELS):
        if excluded(math.log(level)):
            low, high = math.log(below), math.log(level)
            break
    else:
        return 1.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if excluded(middle) else (middle, high)
    # The upper end of the bracket: at this level the interval was seen to exclude 0.
    return math.exp(high)


def p_text(p: float, name: str = "") -> str:
    """A p-value as text, with its name in front if there is one.

    >>> p_text(0.00112), p_text(0.00112, "p"), p_text(1e-12, "p"), p_text(0.0)
    ('0.0011', 'p = 0.0011', 'p < 1e-12', '0')
    """
    if p == _LEAST:
        return f"{name} < {_LEAST:g}".strip()
    return f"{name} = {p:.2g}" if name else f"{p:.2g}"
