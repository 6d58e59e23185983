"""How are the estimates of one column of a table printed alike?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

from radhard.stats.estimate import NOISE, Estimate, decimals_for

__all__ = ["EstimateText", "common_decimals", "estimate_column"]

_MOST_EXTRA = 2
"""Decimals added at most so that a small value is not printed as ``<0.1``."""


@dataclass(frozen=True)
class EstimateText:
    """An estimate in a column: its value and its limits, as long as those of the other rows."""

    value: str
    interval: str
    """``[low, high]``, or ``exact``."""

    def __str__(self) -> str:
        return f"{self.value} {self.interval}"


def estimate_column(estimates: Sequence[Estimate], *, mark: str = " %") -> list[EstimateText]:
    """The estimates with the same number of decimals, padded so that the points are aligned.

    The decimals show two significant digits of the width of most intervals; a value that would then
    be rounded to 0 is printed as ``<0.1``, or as ``-0.0`` if it is negative. ``mark`` follows every
    share; with an empty one, the unit is left to the head of the column. Beside shares, an estimate
    without a unit has blanks in place of the mark.

    >>> for text in estimate_column(
    ...     [
    ...         Estimate(0.1234, 0.101, 0.151, confidence=0.95, trials=400),
    ...         Estimate(0.0000004, 0.0, 0.041, confidence=0.95, trials=400),
    ...     ]
    ... ):
    ...     print(text)
    12.3 % [10.1 %, 15.1 %]
    <0.1 % [ 0.0 %,  4.1 %]
    >>> rate = Estimate(0.0062, 0.0048, 0.0086, confidence=0.95, trials=400)
    >>> for text in estimate_column([rate, rate.map(lambda x: 100 * x, "")]):
    ...     print(repr(text.value), repr(text.interval))
    '0.62 %' '[0.48 %, 0.86 %]'
    '0.62  ' '[0.48,   0.86]  '
    """
    decimals = common_decimals(estimates)
    blank = " " * len(mark) if any(estimate.unit == "share" for estimate in estimates) else ""
    texts = [
        [
            _rounded(estimate, x, decimals, mark) + ("" if estimate.unit else blank)
            for x in (estimate.value, *_limits(estimate))
        ]
        for estimate in estimates
    ]
    widths = [max((len(row[at]) for row in texts if len(row) > at), default=0) for at in range(3)]
    column = []
    for row in texts:
        value, *ends = (text.rjust(widths[at]) for at, text in enumerate(row))
        interval = f"[{_before(',', ends[0])} {_before(']', ends[1])}" if ends else "exact"
        column.append(EstimateText(value, interval))
    return column


def _before(sign: str, text: str) -> str:
    """A number with a sign behind it, and the blanks that it ends with behind that."""
    number = text.rstrip()
    return number + sign + " " * (len(text) - len(number))


def _limits(estimate: Estimate) -> tuple[float, ...]:
    return () if estimate.low == estimate.high else (estimate.low, estimate.high)


def common_decimals(estimates: Sequence[Estimate]) -> int:
    """The decimals of a column: two significant digits of the width of most intervals.

    Two rows that are printed with different decimals can seem to be in the wrong order: 2.4 % as
    2 %, above 2.22 %. No interval is narrower than a step of the last digit, within two decimals.

    >>> wide = Estimate(0.024, 0.001, 0.231, confidence=0.95, trials=20)
    >>> narrow = Estimate(0.0222, 0.0211, 0.0234, confidence=0.95, trials=9000)
    >>> common_decimals([wide]), common_decimals([narrow]), common_decimals([wide, narrow])
    (0, 2, 1)
    """
    wanted, first, narrowest = [], 0, 0
    for estimate in estimates:
        scale = _scale(estimate)
        value = scale * estimate.value
        decimals = max(decimals_for(scale * (estimate.high - estimate.low), value), 0)
        wanted.append(decimals)
        # Digits beyond those of the interval are noise, also the first one.
        if value and math.isfinite(value):
            leading = -math.floor(math.log10(abs(value)))
            first = max(first, leading if leading <= decimals else 0)
        # Of 0 that was seen in all trials the upper limit is printed to its first digit anyway.
        if value or estimate.low < 0:
            narrowest = max(narrowest, decimals)
    if not wanted:
        return 0
    usual = median_low(wanted)
    # Two digits of the width of the narrowest one, or at least one digit.
    least = max(min(narrowest, usual + 1), narrowest - 1)
    return min(max(usual, first, least), usual + _MOST_EXTRA)


def _scale(estimate: Estimate) -> float:
    return 100.0 if estimate.unit == "share" else 1.0


def _rounded(estimate: Estimate, x: float, decimals: int, mark: str) -> str:
    share = estimate.unit == "share"
    unit = mark if share else f" {estimate.unit}" if mark and estimate.unit else ""
    scaled = _scale(estimate) * x
    scaled = 0.0 if share and abs(scaled) < NOISE else scaled
    if not math.isfinite(scaled):
        return f"{scaled:g}{unit}"
    # Adding 0.0 turns -0.0 into 0.0.
    text, step = f"{scaled + 0.0:,.{decimals}f}", 10.0**-decimals
    if scaled and not float(text.replace(",", "")):
        # A small difference below 0 keeps its sign, as in -0.0.
        text = f"<{step:.{decimals}f}" if scaled > 0 else text
    elif share and abs(scaled) < 100 and abs(float(text)) == 100:
        text = f"{'>' if scaled > 0 else '<-'}{100 - step:.{decimals}f}"
    return text + unit
