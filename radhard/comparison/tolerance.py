"""How high may the bit error rate be before the error of the model rises?"""

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

    0 says that the lowest rate that was tried is too high already; infinity that the highest is
    still tolerated.
    """

    value: float
    low: float
    high: float
    confidence: float
    least: float
    """The lowest error rate that was tried (above 0)."""
    most: float
    """The highest."""
    limit: float
    """The error that is not to be passed."""

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

    The mean error (one less accuracy) at each rate is made monotone (isotonic regression, weighed
    by trials) and interpolated over the logarithm of the rate; the interval is that of bootstrap
    samples of the trials, rate by rate. The quantity is that of Reagen et al. (DAC 2018), who leave
    open how it is read from the curve.

    Args:
        results: of `ErrorRate` trials, with a score among the metrics, such as `Accuracy`.
        rise: how much the error may rise: 0.005 is half a percent.
        relative: of the fault-free error; otherwise in points of accuracy.
        reference: the fault-free error to start from; by default the model's own.
        confidence: of the interval.
        seed: of the bootstrap.

    Raises:
        InputError: other trials, no accuracy, or a relative rise of an error of 0.
    """
    if not results.by_rate:
        raise InputError(
            "a tolerable error rate needs trials at error rates: ErrorRate((1e-6, ..))"
        )
    check_number("rise", rise, 0)
    two_sided(confidence)  # refuses one outside (0, 1)
    if reference is not None:
        check_number("reference", reference, 0, 1)
    scores = results.details.scores()
    if scores is None:
        raise InputError(
            "a tolerable error rate needs a score such as Accuracy() among the metrics, and data "
            "with labels"
        )
    rates, errors = _errors(results, scores[0])
    fault_free = float(sum(results.values(column)[0] for column in scores))
    free = 1 - fault_free if reference is None else reference
    if relative and free <= 0:
        raise InputError(
            "the fault-free error is 0, of which no relative rise can be told; relative=False"
        )
    limit = free * (1 + rise) if relative else free + rise
    sizes = np.array([len(found) for found in errors], dtype=float)
    value = _crossings(rates, np.array([[found.mean() for found in errors]]), sizes, limit)[0]
    chance = np.random.default_rng(seed)
    means = np.stack(
        [chance.choice(found, (_RESAMPLES, len(found))).mean(axis=1) for found in errors], axis=1
    )
    drawn = sorted(_crossings(rates, means, sizes, limit))
    tail = (1 - confidence) / 2
    # Order statistics: what lies between two drawn values may be 0 and infinity.
    low = drawn[math.floor(tail * (_RESAMPLES - 1))]
    high = drawn[math.ceil((1 - tail) * (_RESAMPLES - 1))]
    return Tolerable(
        value, min(low, value), max(high, value), confidence, rates[0], rates[-1], limit
    )


def _errors(results: Results, score: str) -> tuple[list[float], list[np.ndarray]]:
    """Rates above 0, ascending, and the errors of the trials at each."""
    frame = results.to_frame()
    error = 1 - frame[score]
    found = {
        float(str(rate).removeprefix("rate ")): group.to_numpy(dtype=float)
        for rate, group in error.groupby(frame["rate"])
    }
    rates = sorted(rate for rate in found if rate > 0)
    if not rates:
        raise InputError("no trial at an error rate above 0 has been executed")
    return rates, [found[rate] for rate in rates]


def _crossings(
    rates: list[float], means: np.ndarray, sizes: np.ndarray, limit: float
) -> list[float]:
    """Where each monotone curve passes the limit; 0 where before all, infinity where after."""
    found = []
    logs = np.log(rates)
    for row in means:
        curve = isotonic_regression(row, weights=sizes).x
        # Means of equal accuracies differ in their last bits.
        above = np.flatnonzero(curve > limit + 1e-12)
        if not len(above):
            found.append(math.inf)
        elif above[0] == 0:
            found.append(0.0)
        else:
            at = int(above[0])
            share = np.clip((limit - curve[at - 1]) / (curve[at] - curve[at - 1]), 0, 1)
            found.append(math.exp(logs[at - 1] + share * (logs[at] - logs[at - 1])))
    return found
