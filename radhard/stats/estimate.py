"""How is a number with its interval represented, and how is it printed?"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, final

from radhard.errors import InputError
from radhard.notebook import usual_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NOISE", "Estimate", "decimals_for", "percent"]

NOISE = 1e-12
"""In percent: below it, a share is what rounding left of 0, as no space has so many faults."""


@final
@dataclass(frozen=True, repr=False)
class Estimate:
    """A value with its confidence interval and the number of trials from which it was computed.

    ``low`` and ``high`` are the limits of the two-sided interval at ``confidence``. With the unit
    ``"share"`` the value is a fraction and is printed in percent; any other unit is printed
    unchanged. An interval of width 0 means that every member of the population was tried.

    >>> print(Estimate(0.0042, 0.0031, 0.0057, confidence=0.95, trials=2000))
    0.42 % [0.31 %, 0.57 %] (95 %, 2,000 trials)
    >>> print(Estimate(0.0, 0.0, 0.0019, confidence=0.95, trials=2000))
    0 % [0 %, 0.19 %] (95 %, none in 2,000 trials)
    >>> print(Estimate(3.17, 2.94, 3.61, confidence=0.95, trials=500, unit="FIT"))
    3.17 [2.94, 3.61] FIT (95 %, 500 trials)
    """

    value: float
    low: float
    high: float
    confidence: float
    trials: int
    unit: str = "share"

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise InputError(
                f"the value of an estimate must lie within its interval: {self.value!r} is not "
                f"in [{self.low!r}, {self.high!r}]"
            )
        if not 0 < self.confidence < 1:
            raise InputError(f"confidence={self.confidence!r} is not between 0 and 1; try 0.95")

    def map(self, function: Callable[[float], float], unit: str) -> "Estimate":
        """The estimate of ``function`` of the value, which must be monotonic.

        >>> rate = Estimate(0.01, 0.005, 0.02, confidence=0.95, trials=800)
        >>> print(rate.map(lambda share: 1000 * share, unit="FIT"))
        10 [5, 20] FIT (95 %, 800 trials)
        """
        # A falling function, such as the time to failure of a rate, swaps the limits.
        low, high = sorted((function(self.low), function(self.high)))
        return Estimate(function(self.value), low, high, self.confidence, self.trials, unit)

    def widen(self, by: float, trials: int, *, least: float = 0.0) -> "Estimate":
        """The same share with limits extended by ``by``, within ``least`` and 1, from ``trials``.

        >>> print(Estimate(0.01, 0.0, 0.02, confidence=0.95, trials=8).widen(0.01, trials=800))
        1.0 % [0 %, 3.0 %] (95 %, 800 trials)
        """
        low = min(self.value, max(self.low - by, least))
        high = max(self.value, min(self.high + by, 1.0))
        return replace(self, low=low, high=high, trials=trials)

    def __float__(self) -> float:
        """The value alone.

        >>> float(Estimate(0.0042, 0.0031, 0.0057, confidence=0.95, trials=2000))
        0.0042
        """
        return self.value

    def plot(self, axes: "Axes | None" = None, *, at: float = 0.0) -> "Axes":
        """Draw the value and its interval, in percent if it is a share, and return the axes.

        ``at`` is the height in the axes of matplotlib, which are the current ones of
        ``matplotlib.pyplot`` if none are given.
        """
        axes, scale = usual_axes(axes), 100.0 if self.unit == "share" else 1.0
        sides = [[scale * (self.value - self.low)], [scale * (self.high - self.value)]]
        axes.errorbar([scale * self.value], [at], xerr=sides, fmt="o", capsize=2)
        axes.set_xlabel("%" if self.unit == "share" else self.unit)
        return axes

    def _repr_html_(self) -> str:
        figure, _, basis = str(self).rpartition(" (")
        value, bracket, rest = figure.partition(" [")
        return f"<b>{escape(value)}</b>{escape(bracket + rest)} ({escape(basis)}"

    def __repr__(self) -> str:
        return f"<Estimate {self}>"

    def __str__(self) -> str:
        scale = 100.0 if self.unit == "share" else 1.0
        return self.printed(decimals_for(scale * (self.high - self.low), scale * self.value))

    def printed(self, decimals: int) -> str:
        """The text with this number of decimals, and more where a number would be printed as 0.

        >>> Estimate(0.3421, 0.19, 0.52, confidence=0.95, trials=40).printed(1)
        '34.2 % [19.0 %, 52.0 %] (95 %, 40 trials)'
        """
        scale, mark = (100.0, " %") if self.unit == "share" else (1.0, "")
        value, low, high = (
            _text(scale * x, decimals, whole=scale) + mark
            for x in (self.value, self.low, self.high)
        )
        unit = f" {self.unit}" if self.unit not in ("share", "") else ""
        number = f"{self.trials:,} trial" + ("" if self.trials == 1 else "s")
        if self.low == self.high:
            basis = f"all {self.trials:,} tried" if self.trials else "no trial needed"
            return f"{value}{unit} (exact: {basis})"
        none = "none in " if self.value == self.low == 0 else ""
        level = percent(self.confidence)
        return f"{value} [{low}, {high}]{unit} ({level}, {none}{number})"


def percent(share: float) -> str:
    """A share in percent with three significant digits; only 0 is printed as 0, only 1 as 100.

    What is smaller than any share of faults is left of 0 by rounding, and printed as 0.

    >>> percent(0.12345), percent(0.5), percent(0.0), percent(0.0000004), percent(0.999996)
    ('12.3 %', '50 %', '0 %', '0.00004 %', '99.9996 %')
    """
    scaled = 100.0 * share if abs(100.0 * share) >= NOISE else 0.0
    if scaled == 0 or not math.isfinite(scaled):
        return f"{scaled:g} %".replace("-0 ", "0 ")
    text = _text(scaled, 2 - math.floor(math.log10(abs(scaled))), whole=100.0)
    # Without a point, zeros are digits of the number, and behind an "e" digits of the exponent.
    return (text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text) + " %"


def decimals_for(width: float, value: float) -> int:
    """Decimals that show two significant digits of the width; further digits would be noise.

    If the width is 0 or infinite: three significant digits of the value.
    """
    if math.isfinite(width) and width > 0:
        return 1 - math.floor(math.log10(width))
    if math.isfinite(value) and value != 0:
        return 2 - math.floor(math.log10(abs(value)))
    return 0


def _text(x: float, decimals: int, *, whole: float) -> str:
    """``x`` rounded, with more decimals where it would wrongly be printed as 0 or as the whole."""
    x = 0.0 if whole == 100.0 and abs(x) < NOISE else x
    if x == 0 or not math.isfinite(x):
        # abs() because -0.0 would be printed as -0.
        return "inf" if x == math.inf else "-inf" if x == -math.inf else f"{abs(x):g}"
    if abs(x) < 1e-6:
        return f"{x:.3g}"
    if abs(x) >= 1e15:
        return f"{x:.3g}"
    # Enough decimals for the first digit that is not 0.
    decimals = max(decimals, -int(f"{x:.0e}".partition("e")[2]), 0)
    if whole == 100.0 and abs(x) == whole:
        return f"{x:.0f}"
    while whole == 100.0 and decimals < 15 and abs(float(f"{x:.{decimals}f}")) == whole:
        decimals += 1
    return f"{x:,.{decimals}f}"
