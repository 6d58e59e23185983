"""How high can the bit error rate be before the error of the model increases?"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from radhard.errors import InputError
from radhard.results import Results
from radhard.stats import check_number
from radhard.stats.sample_size import two_sided

__all__ = ["Tolerable", "tolerable"]

_RESAMPLES = 1000


@dataclass(frozen=True)
class Tolerable:
    """The highest error rate at which the error stays within a limit, with its interval.

    0 means that the error exceeds the limit even at the lowest rate tried; infinity that it does
    not exceed it even at the highest.
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

    def __str__(self) -> str:
        value, low, high = (self._text(x) for x in (self.value, self.low, self.high))
        return f"{value} [{low}, {high}] ({100 * self.confidence:g} %)"

    def _text(self, rate: float) -> str:
        if rate == 0:
            return f"below {self.least:.3g}"
        return f"above {self.most:.3g}" if math.isinf(rate) else f"{rate:.3g}"


def tolerable(
    results: Results,
    *,
    rise: float = 0.005,
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

    Args:
        results: `ErrorRate` trials, with a score such as `Accuracy` among the metrics.
        rise: the tolerated increase of the error: 0.005 is half a percent.
        relative: whether the increase is relative to the fault-free error or absolute.
        reference: the fault-free error; by default that of the model.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        InputError: other trials, no accuracy, or a relative increase of an error of 0.
    """
    if not results.by_rate:
        raise InputError(
            "a tolerable error rate requires trials at error rates: ErrorRate((1e-6, ..))"
        )
    check_number("rise", rise, 0)
    two_sided(confidence)  # raises for an invalid confidence
    if reference is not None:
        check_number("reference", reference, 0, 1)
    scores = results.details.scores()
    if scores is None:
        raise InputError(
            "a tolerable error rate requires a score such as Accuracy() among the metrics, and "
            "data with labels"
        )
    rates, errors = _errors(results, scores[0])
    fault_free = float(sum(results.values(column)[0] for column in scores))
    free = 1 - fault_free if reference is None else reference
    if relative and free <= 0:
        raise InputError(
            "the fault-free error is 0, so a relative increase is undefined; use relative=False"
        )
    limit = free * (1 + rise) if relative else free + rise
    sizes = np.array([len(each) for each in errors], dtype=float)
    value = _crossings(rates, np.array([[each.mean() for each in errors]]), sizes, limit)[0]
    rng = np.random.default_rng(seed)
    means = np.stack(
        [rng.choice(each, (_RESAMPLES, len(each))).mean(axis=1) for each in errors], axis=1
    )
    resampled = sorted(_crossings(rates, means, sizes, limit))
    tail = (1 - confidence) / 2
    # Order statistics without interpolation, because neighbours may be 0 and infinity.
    low = resampled[math.floor(tail * (_RESAMPLES - 1))]
    high = resampled[math.ceil((1 - tail) * (_RESAMPLES - 1))]
    return Tolerable(
        value, min(low, value), max(high, value), confidence, rates[0], rates[-1], limit
    )


def _errors(results: Results, score: str) -> tuple[list[float], list[np.ndarray]]:
    """Rates above 0 in ascending order, and the errors of the trials at each rate."""
    frame = results.to_frame()
    error = 1 - frame[score]
    by_rate = {
        float(str(rate).removeprefix("rate ")): group.to_numpy(dtype=float)
        for rate, group in error.groupby(frame["rate"])
    }
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
        # The tolerance covers rounding errors in means of equal accuracies.
        above = np.flatnonzero(curve > limit + 1e-12)
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
