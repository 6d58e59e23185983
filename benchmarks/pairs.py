"""What is the speedup if both are measured alternately on a busy machine?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import quantile_test

__all__ = ["Ratio"]


@dataclass(frozen=True)
class Ratio:
    """The median of paired ratios, with the least and the greatest or a confidence interval.

    >>> Ratio.of([8.0, 9.0, 30.0], [2.0, 3.0, 3.0])
    Ratio(median=4.0, low=3.0, high=10.0)
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(
        cls, slow: Sequence[float], fast: Sequence[float], *, confidence: float | None = None
    ) -> "Ratio":
        """Of times that were taken next to each other, pair by pair.

        With a confidence, ``low`` and ``high`` are those of the sign test, which takes no shape of
        the noise for granted: the second and the eighth of nine ratios at 95 %. Six are the fewest
        that have such an interval at 95 %; with fewer, both are NaN.

        >>> ratios = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 9.0]
        >>> Ratio.of(ratios, [1.0] * 9, confidence=0.95)
        Ratio(median=1.5, low=1.2, high=1.8)
        """
        ratios = [a / b for a, b in zip(slow, fast, strict=True)]
        low, high = min(ratios), max(ratios)
        if confidence is not None:
            test = quantile_test(ratios, q=1.0, p=0.5)
            low, high = map(float, test.confidence_interval(confidence))
        return cls(statistics.median(ratios), low, high)

    def __str__(self) -> str:
        return f"{_short(self.median)}x ({_short(self.low)} to {_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
