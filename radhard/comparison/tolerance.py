"""How high can the bit error rate be before the error of the model increases?"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from radhard.arguments import whole
from radhard.errors import InputError
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.stats import Estimate, check_number
from radhard.stats.sample_size import two_sided

__all__ = ["Tolerable", "fault_free_error", "tolerable", "tolerance_ratio"]

_RESAMPLES = 1000

_ROUNDING = 1e-12
"""For rounding errors in means of equal accuracies."""

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
    """Number of trials with an error above the limit, at rates up to the next above the value."""

    @property
    def is_bound(self) -> bool:
        """Whether the rates tried only bound the value, from above (0) or from below (infinity)."""
        return self.value == 0 or math.isinf(self.value)

    def __str__(self) -> str:
        value, low, high = (self._text(x) for x in (self.value, self.low, self.high))
        level = f"{100 * self.confidence:g} %"
        if self.harmful is not None and 0 < self.harmful < _FEW:
            level += f"; too high if harm is rare: {self.harmful} harmful trials up to it"
        return f"{value} [{low}, {high}] per {self.per} ({level})"

    def _text(self, rate: float) -> str:
        if rate == 0:
            return f"below {self.least:.3g}"
        return f"above {self.most:.3g}" if math.isinf(rate) else f"{rate:.3g}"


def tolerable(
    results: Results,
    *,
    increase: float = 0.005,
    relative: bool = True,
    reference: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Tolerable:
    """The highest tolerable error rate of a campaign at error rates.

    The mean error (one minus accuracy) at each rate is made monotonic by isotonic regression,
    weighted by trials, and interpolated over the logarithm of the rate. The interval is a
    percentile bootstrap over the trials of each rate. Reagen et al. (DAC 2018) define the quantity,
    but not how to determine it from the curve.

    If the error increases gradually, by many small contributions, the interval covers. If it
    increases because a few flips are fatal, which is usual in floating-point formats, a mean over
    20 trials misses them at low rates: the value is too high, and the interval does not cover (see
    docs/statistics.md). `Tolerable.harmful` tells the two apart, and the text warns.

    Args:
        results: `ErrorRate` trials, with a score such as `Accuracy` among the metrics.
        increase: the tolerated increase of the error: 0.005 is half a percent.
        relative: whether the increase is relative to the fault-free error or absolute.
        reference: the fault-free error; by default that of the model. To measure several trained
            instances of a network against one limit, give the largest of their errors.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        InputError: other trials, no accuracy, or a relative increase of an error of 0.
    """
    sampler, rates, errors, limit = _curve(results, increase, relative, reference, confidence)
    value, resampled = _resampled(rates, errors, limit, seed)
    resampled.sort()
    tail = (1 - confidence) / 2
    # Order statistics without interpolation, because neighbours may be 0 and infinity.
    low = resampled[math.floor(tail * (_RESAMPLES - 1))]
    high = resampled[math.ceil((1 - tail) * (_RESAMPLES - 1))]
    low, high = min(low, value), max(high, value)
    up_to = min(bisect_right(rates, value) + 1, len(rates))
    harmful = sum(int((each > limit + _ROUNDING).sum()) for each in errors[:up_to])
    return Tolerable(value, low, high, confidence, rates[0], rates[-1], limit, sampler.per, harmful)


def tolerance_ratio(
    results: Results,
    than: Results,
    *,
    increase: float = 0.005,
    relative: bool = True,
    reference: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate | None:
    """How many times as high the tolerable error rate of one campaign is as that of another.

    Each is measured against its own fault-free error, or both against ``reference``, see
    `tolerable`. The interval is a percentile bootstrap of the ratio. Trial i of a rate is resampled
    in both campaigns together, so that the interval is narrow if both have the same faults, as
    words of the same width have with one seed.

    If the rates tried only bound one of the two, the ratio is only bounded, too: the value is then
    the bound, and the interval extends to 0 or infinity. None if both are bounded from the same
    side, so that nothing is known of their ratio.

    Raises:
        InputError: as of `tolerable`.
    """
    bounds = []
    for each in (results, than):
        _, rates, errors, limit = _curve(each, increase, relative, reference, confidence)
        value, resampled = _resampled(rates, errors, limit, seed)
        found = np.array([value, *resampled])
        low = np.where(found == 0, 0.0, np.minimum(found, rates[-1]))
        bounds.append((low, np.where(np.isinf(found), math.inf, np.maximum(found, rates[0]))))
    (low, high), (than_low, than_high) = bounds
    with np.errstate(divide="ignore"):
        lows, highs = low / than_high, high / than_low
    if lows[0] == 0 and math.isinf(highs[0]):
        return None
    value = float(highs[0] if lows[0] == 0 else lows[0])
    tail = (1 - confidence) / 2
    lowest = np.sort(lows[1:])[math.floor(tail * (_RESAMPLES - 1))]
    highest = np.sort(highs[1:])[math.ceil((1 - tail) * (_RESAMPLES - 1))]
    least, most = min(float(lowest), lows[0]), max(float(highest), highs[0])
    trials = min(len(results), len(than))
    return Estimate(value, float(least), float(most), confidence, trials, unit="times")


def fault_free_error(results: Results) -> float:
    """One minus the accuracy (or another score) of the model without faults.

    Raises:
        InputError: the campaign has no such score, or no trial has been executed.
    """
    _check_results(results)
    score, drop = _scores(results)
    # In every trial, the score under faults and its drop add up to the fault-free score.
    return 1 - float(results.values(score)[0] + results.values(drop)[0])


def _curve(
    results: Results,
    increase: float,
    relative: bool,
    reference: float | None,
    confidence: float,
) -> tuple[ErrorRate, list[float], list[np.ndarray], float]:
    """The sampler, the rates above 0, the errors of the trials at each, and the limit."""
    _check_results(results)
    sampler = results.sampler
    if not isinstance(sampler, ErrorRate):
        raise InputError(
            "a tolerable error rate requires trials at error rates: ErrorRate((1e-6, ..))"
        )
    check_number("increase", increase, 0)
    two_sided(confidence)  # raises for an invalid confidence
    if reference is not None:
        check_number("reference", reference, 0, 1)
    rates, errors = _errors(results, sampler, _scores(results)[0])
    free = fault_free_error(results) if reference is None else reference
    if relative and free <= _ROUNDING:
        raise InputError(
            "the fault-free error is 0, so a relative increase is undefined; use relative=False"
        )
    limit = free * (1 + increase) if relative else free + increase
    return sampler, rates, errors, limit


def _resampled(
    rates: list[float], errors: list[np.ndarray], limit: float, seed: int
) -> tuple[float, list[float]]:
    """The crossing of the mean curve, and those of curves of resampled trials."""
    sizes = np.array([len(each) for each in errors], dtype=float)
    value = _crossings(rates, np.array([[each.mean() for each in errors]]), sizes, limit)[0]
    rng = np.random.default_rng(whole(seed, "seed", least=0))
    means = np.stack(
        [rng.choice(each, (_RESAMPLES, len(each))).mean(axis=1) for each in errors], axis=1
    )
    return value, _crossings(rates, means, sizes, limit)


def _check_results(results: Results) -> None:
    if not isinstance(results, Results):
        raise InputError(
            f"the run is {type(results).__name__}; give Results, as returned by run or "
            "Results.open(...)"
        )


def _scores(results: Results) -> tuple[str, str]:
    scores = results.details.scores()
    if scores is None:
        raise InputError(
            "a tolerable error rate requires a score such as Accuracy() among the metrics, and "
            "data with labels"
        )
    if not len(results):
        raise InputError("no trial has been executed yet; continue the campaign")
    return scores


def _errors(
    results: Results, sampler: ErrorRate, score: str
) -> tuple[list[float], list[np.ndarray]]:
    """Rates above 0 in ascending order, and the errors of the trials at each rate."""
    errors = 1 - results.values(score)
    of_stratum = np.array([results.trials.stratum(n) for n in results.numbers.tolist()])
    by_rate = {sampler.each[at]: errors[of_stratum == at] for at in np.unique(of_stratum).tolist()}
    rates = sorted(rate for rate in by_rate if rate > 0)
    if not rates:
        raise InputError("no trial at an error rate above 0 has been executed")
    return rates, [by_rate[rate] for rate in rates]


def _crossings(
    rates: list[float], means: np.ndarray, sizes: np.ndarray, limit: float
) -> list[float]:
    """The rate at which each monotonic curve exceeds the limit: 0 if always, infinity if never."""
    crossings = []
    logs = np.log(rates)
    for row in means:
        curve = isotonic_regression(row, weights=sizes).x
        above = np.flatnonzero(curve > limit + _ROUNDING)
        if not len(above):
            crossings.append(math.inf)
        elif above[0] == 0:
            crossings.append(0.0)
        else:
            first = int(above[0])
            step, width = curve[first] - curve[first - 1], logs[first] - logs[first - 1]
            share = np.clip((limit - curve[first - 1]) / step, 0, 1)
            crossings.append(math.exp(logs[first - 1] + share * width))
    return crossings
