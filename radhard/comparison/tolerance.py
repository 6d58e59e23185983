"""How high can the bit error rate be before the error of the model increases?"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radhard.comparison.error_curve import ROUNDING, ErrorCurve, crossings
from radhard.errors import InputError
from radhard.results import Results
from radhard.stats import Estimate, check_number
from radhard.stats.sample_size import two_sided

__all__ = ["Tolerable", "tolerable", "tolerance_ratio"]

_RESAMPLES = 1000

_FEW = 5
"""With fewer harmful trials below the value, rarer harm may have been missed at lower rates."""


@dataclass(frozen=True)
class Tolerable:
    """The highest error rate at which the error stays within a limit, with its interval.

    0 means that the error exceeds the limit even at the lowest rate tried; infinity that it does
    not exceed it even at the highest. As text, these are the bounds that they are.

    >>> print(Tolerable(2e-6, 1e-6, math.inf, 0.95, least=1e-7, most=1e-5, limit=0.1))
    2e-06 [1e-06, above 1e-05] per bit (95 %)
    """

    value: float
    low: float
    high: float
    confidence: float
    least: float
    """The lowest error rate tried (above 0)."""
    most: float
    """The highest error rate tried."""
    limit: float
    """The limit of the error."""
    per: str = "bit"
    """What the rates count: errors per bit, or per word."""
    harmful: int | None = None
    """Number of trials with an error above the limit, at rates up to the next above the value;
    those at other rates count as far as they contribute to the means there."""

    @property
    def is_bound(self) -> bool:
        """Whether the rates tried only bound the value, from above (0) or from below (infinity)."""
        return self.value == 0 or math.isinf(self.value)

    @property
    def is_rare(self) -> bool:
        """Whether so few trials were harmful that the value may be too high, and its interval."""
        return self.harmful is not None and 0 < self.harmful < _FEW

    def __str__(self) -> str:
        value, low, high = (self._text(x) for x in (self.value, self.low, self.high))
        level = f"{100 * self.confidence:g} %"
        if self.is_rare:
            trials = "trial" if self.harmful == 1 else "trials"
            level += f"; too high if harm is rare: {self.harmful} harmful {trials} up to it"
        return f"{value} [{low}, {high}] per {self.per} ({level})"

    def _text(self, rate: float) -> str:
        if rate == 0:
            return f"below {self.least:.3g}"
        return f"above {self.most:.3g}" if math.isinf(rate) else f"{rate:.3g}"


def tolerable(
    results: Results | Sequence[Results] | ErrorCurve,
    *,
    increase: float = 0.005,
    relative: bool = True,
    reference: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Tolerable:
    """The highest tolerable error rate, from a campaign at error rates or several of one model.

    The mean error (one minus accuracy) at each rate is estimated from the trials at all rates (see
    `ErrorCurve`), made monotonic by isotonic regression and interpolated over the logarithm of the
    rate. The interval is a percentile bootstrap over the trials of each rate. Reagen et al. (DAC
    2018) define the quantity, but not how to determine it from the curve.

    If the error increases gradually, by many small contributions, the interval covers. If it
    increases because a few flips are fatal, which is usual in floating-point formats, trials with
    about one fault are needed, hundreds of them: otherwise rare harm is missed, the value is too
    high, and the interval does not cover (see docs/statistics.md). `Tolerable.harmful` tells, and
    the text warns.

    Args:
        results: `ErrorRate` trials, with a score such as `Accuracy` among the metrics; several
            campaigns at other rates, each with a seed of its own, are evaluated together. Or an
            `ErrorCurve`, of errors that come from elsewhere.
        increase: the tolerated increase of the error: 0.005 is half a percent.
        relative: whether the increase is relative to the fault-free error or absolute.
        reference: the fault-free error; by default that of the model. To measure several trained
            instances of a network against one limit, give the largest of their errors.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        InputError: other trials, no accuracy, campaigns that differ in more than rates and trials,
            or a relative increase of an error of 0.
    """
    curve, limit = _curve(results, increase, relative, reference, confidence)
    value, resampled = _resampled(curve, limit, seed)
    resampled.sort()
    tail = (1 - confidence) / 2
    # Order statistics without interpolation, because neighbours may be 0 and infinity.
    low = resampled[math.floor(tail * (_RESAMPLES - 1))]
    high = resampled[math.ceil((1 - tail) * (_RESAMPLES - 1))]
    # Percentiles of resampled values need not lie on both sides of the value itself.
    low, high = min(low, value), max(high, value)
    rates = curve.rates
    harmful = curve.above(limit + ROUNDING, min(bisect_right(rates, value) + 1, len(rates)))
    return Tolerable(value, low, high, confidence, rates[0], rates[-1], limit, curve.per, harmful)


def tolerance_ratio(
    results: Results | Sequence[Results] | ErrorCurve,
    than: Results | Sequence[Results] | ErrorCurve,
    *,
    increase: float = 0.005,
    relative: bool = True,
    reference: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate | None:
    """How many times as high the tolerable error rate of one model is as that of another.

    Each is measured against its own fault-free error, or both against ``reference``, see
    `tolerable`. The interval is a percentile bootstrap of the ratio. Trial i of a rate is resampled
    in both together, so that the interval is narrow if both have the same faults, as
    words of the same width have with one seed.

    If the rates tried only bound one of the two, the ratio is only bounded, too: the value is then
    the bound, and the interval extends to 0 or infinity. None if both are bounded from the same
    side, so that nothing is known of their ratio.

    Raises:
        InputError: as of `tolerable`.
    """
    bounds, trials = [], []
    for each in (results, than):
        curve, limit = _curve(each, increase, relative, reference, confidence)
        value, resampled = _resampled(curve, limit, seed)
        found, rates = np.array([value, *resampled]), curve.rates
        # As ranges: 0 and infinity stand for all rates below and above those tried.
        low = np.where(found == 0, 0.0, np.minimum(found, rates[-1]))
        bounds.append((low, np.where(np.isinf(found), math.inf, np.maximum(found, rates[0]))))
        trials.append(len(curve.errors))
    (low, high), (than_low, than_high) = bounds
    with np.errstate(divide="ignore"):
        lows, highs = low / than_high, high / than_low
    # The first element is the value itself, the others are those of resampled trials.
    if lows[0] == 0 and math.isinf(highs[0]):
        return None
    # Both ends are the value, or one of them is the bound and the other 0 or infinity.
    value = float(highs[0] if lows[0] == 0 else lows[0])
    tail = (1 - confidence) / 2
    lowest = np.sort(lows[1:])[math.floor(tail * (_RESAMPLES - 1))]
    highest = np.sort(highs[1:])[math.ceil((1 - tail) * (_RESAMPLES - 1))]
    least, most = min(float(lowest), lows[0]), max(float(highest), highs[0])
    return Estimate(value, float(least), float(most), confidence, min(trials), unit="times")


def _curve(
    results: Results | Sequence[Results] | ErrorCurve,
    increase: float,
    relative: bool,
    reference: float | None,
    confidence: float,
) -> tuple[ErrorCurve, float]:
    """Mean errors at the rates above 0, and the limit of the error."""
    curve = results if isinstance(results, ErrorCurve) else ErrorCurve.of(results)
    check_number("increase", increase, 0)
    if not isinstance(relative, bool):
        raise InputError(f"relative={relative!r} is not allowed; give True or False")
    two_sided(confidence)  # raises for an invalid confidence
    if reference is not None:
        check_number("reference", reference, 0, 1)
    free = curve.free if reference is None else reference
    if relative and free <= ROUNDING:
        raise InputError(
            "the fault-free error is 0, so a relative increase is undefined; use relative=False"
        )
    return curve, free * (1 + increase) if relative else free + increase


def _resampled(curve: ErrorCurve, limit: float, seed: int) -> tuple[float, list[float]]:
    """The crossing of the mean curve, and those of curves of resampled trials."""
    value = crossings(curve.rates, curve.means[None], curve.effective, limit)[0]
    means = curve.resampled(_RESAMPLES, seed)
    return value, crossings(curve.rates, means, curve.effective, limit)
