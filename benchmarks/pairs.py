"""How many times faster, when both take turns on a busy machine?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Ratio"]


@dataclass(frozen=True)
class Ratio:
    """The median of paired ratios, with the least and the greatest.

    >>> Ratio.of([8.0, 9.0, 30.0], [2.0, 3.0, 3.0])
    Ratio(median=4.0, low=3.0, high=10.0)
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, slow: Sequence[float], fast: Sequence[float]) -> "Ratio":
        """Of times that were taken next to each other, pair by pair."""
        ratios = [a / b for a, b in zip(slow, fast, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{_short(self.median)}x ({_short(self.low)} to {_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
