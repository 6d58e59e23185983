"""How far do the tolerable error rates of trained instances lie apart?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from radhard.comparison import ErrorCurve, Spread, Tolerable, spread
from radhard.comparison.error_curve import crossings
from radhard.stats import Estimate

__all__ = ["InstanceFindings"]

_RESAMPLES = 200
"""Of the trials of an instance."""

_DRAWS = 2000
"""Resamples of the instances."""

_CONFIDENCE = 0.95

Reals = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class InstanceFindings:
    """Mean errors of all instances of a network, in each encoding."""

    network: str
    images: int
    curves: Mapping[str, Sequence[ErrorCurve]]
    """By encoding, those of the instances, in the order of their seeds."""
    fingerprints: Sequence[str] = ()
    """Of the weights of the instances, without an encoding."""
    _known: dict[tuple[str, float, bool], list[Tolerable]] = field(default_factory=dict)
    _means: dict[str, list[Reals]] = field(default_factory=dict)

    def tolerable(self, name: str, increase: float, *, own: bool) -> list[Tolerable]:
        """The tolerable rate of each instance in one encoding.

        Args:
            name: of the encoding.
            increase: the tolerated increase of the error, relative to the reference.
            own: whether the reference is each instance's own fault-free error; otherwise it is the
                largest of all instances, in the same encoding.
        """
        key = name, increase, own
        if key not in self._known:
            curves = self.curves[name]
            if name not in self._means:
                self._means[name] = [curve.resampled(_RESAMPLES, 0) for curve in curves]
            worst = max(curve.free for curve in curves)
            self._known[key] = [
                _tolerable(curve, means, (curve.free if own else worst) * (1 + increase))
                for curve, means in zip(curves, self._means[name], strict=True)
            ]
        return self._known[key]

    def spread(self, name: str, increase: float, *, own: bool) -> Spread:
        """How far the tolerable rates of the instances lie apart."""
        return spread(self.tolerable(name, increase, own=own))

    def noise(self, name: str, increase: float, *, own: bool) -> float:
        """Geometric standard deviation of a tolerable rate that the number of trials alone causes.

        The root mean square over the instances, from the widths of their intervals. Intervals that
        end outside the rates tried are cut there, so it is a lower limit.
        """
        deviations = []
        for each in self.tolerable(name, increase, own=own):
            low, high = (min(max(x, each.least), each.most) for x in (each.low, each.high))
            deviations.append(math.log(high / low) / (2 * 1.96))
        return math.exp(math.sqrt(np.mean(np.square(deviations))))

    def gain(self, name: str, than: str, increase: float) -> Estimate:
        """Geometric mean over the instances of the ratio of tolerable rates of two encodings.

        With the interval of Student's t on the logarithms, over the instances; without a limit on
        the side where rates outside those tried may move the mean.
        """
        logs = self._logs(name, increase, own=True) - self._logs(than, increase, own=True)
        mean, error = float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(len(logs))
        half = float(student.ppf((1 + _CONFIDENCE) / 2, len(logs) - 1)) * error
        low, high = math.exp(mean - half), math.exp(mean + half)
        above, below = self._outside(name, increase, own=True)
        above_than, below_than = self._outside(than, increase, own=True)
        low = 0.0 if below or above_than else low
        high = math.inf if above or below_than else high
        return Estimate(math.exp(mean), low, high, _CONFIDENCE, len(logs), unit="times")

    def relative_spread(
        self, one: tuple[str, float], other: tuple[str, float], *, own: bool
    ) -> Estimate | None:
        """The spread of one encoding at an increase of the error, divided by that of another.

        Spreads are standard deviations of the logarithms of tolerable rates. The interval is a
        percentile bootstrap over the instances, the same ones in both; without an upper limit if
        rates of the first lie outside those tried, which may make its spread larger, and without a
        lower one if rates of the other do. None if the other has no spread.
        """
        pairs = np.stack([self._logs(*one, own=own), self._logs(*other, own=own)])
        deviations = pairs.std(axis=1, ddof=1)
        if deviations[1] == 0:
            return None
        count = pairs.shape[1]
        rows = np.random.default_rng(0).integers(count, size=(_DRAWS, count))
        first, second = (values[rows].std(axis=1, ddof=1) for values in pairs)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.nan_to_num(first / second, nan=1.0, posinf=math.inf)
        tail = (1 - _CONFIDENCE) / 2
        low, high = np.quantile(ratios, [tail, 1 - tail], method="nearest")
        value = float(deviations[0] / deviations[1])
        low, high = min(float(low), value), max(float(high), value)
        low = 0.0 if any(self._outside(*other, own=own)) else low
        high = math.inf if any(self._outside(*one, own=own)) else high
        return Estimate(value, low, high, _CONFIDENCE, count, unit="times")

    def _outside(self, name: str, increase: float, *, own: bool) -> tuple[int, int]:
        """How many tolerable rates lie above and below all rates tried."""
        found = self.tolerable(name, increase, own=own)
        above = sum(each.value > each.most for each in found)
        return above, sum(each.value < each.least for each in found)

    def _logs(self, name: str, increase: float, *, own: bool) -> Reals:
        """Logarithms of the tolerable rates, those outside the rates tried moved to the nearest."""
        found = self.tolerable(name, increase, own=own)
        return np.log([min(max(each.value, each.least), each.most) for each in found])


def _tolerable(curve: ErrorCurve, means: Reals, limit: float) -> Tolerable:
    """The tolerable rate of an instance, with a percentile bootstrap over its trials."""
    rates, effective = curve.rates, curve.effective
    value = crossings(rates, curve.means[None], effective, limit)[0]
    found = np.sort(crossings(rates, means, effective, limit))
    tail = (1 - _CONFIDENCE) / 2
    low, high = (float(found[round(q * (_RESAMPLES - 1))]) for q in (tail, 1 - tail))
    return Tolerable(
        value,
        min(low, value),
        max(high, value),
        _CONFIDENCE,
        rates[0],
        rates[-1],
        limit,
        curve.per,
    )
