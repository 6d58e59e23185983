"""Which share of the critical faults raises an alarm?"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import brentq

from radhard.errors import InputError
from radhard.groups import Groups, Parts
from radhard.metrics import Detected
from radhard.results import Rates, Results
from radhard.stats import Estimate, stratified_mean

__all__ = ["detection_rate"]

_CLOSE = 1e-6
"""Tolerance of the root search; the limits are extended by it."""


def detection_rate(
    results: Results,
    detected: Detected | None = None,
    *,
    by: str | None = None,
    confidence: float = 0.95,
) -> Any:
    """The share of critical faults that raise an alarm: an `Estimate`, or `Rates` with ``by``.

    Of all predictions changed by faults of the space, the share that raises an alarm: the mean of
    ``caught`` divided by the mean of ``caught + missed``. Its interval contains the shares *p* for
    which the mean of ``caught - p (caught + missed)`` may be 0 (Fieller, 1954), according to the
    same interval as all rates, so it is valid for any sampler. Groups without a critical fault are
    omitted.

    Args:
        results: a campaign with a `Detected` among its metrics.
        detected: the metric to use, if the campaign has several.
        by: as in `Results.rate`.
        confidence: of the interval.

    Raises:
        InputError: no such metric in the run, or no critical fault.
    """
    metric = _metric(results, detected)
    alarmed = results.values(f"{metric}.caught")
    # All predictions that changed, with an alarm or without.
    critical = alarmed + results.values(f"{metric}.missed")
    by = results.usual_split if by is None else by
    if results.untried:
        raise InputError(
            f"caps left {results.untried:,} of {len(results.space):,} faults untried, of which no "
            "detection is known; use a sampler without caps"
        )
    groups = results.means.groups(by)
    rates = {}
    for key, parts in groups.split():
        mean = _mean_of(groups, parts, confidence)
        # Without a critical fault there is no share of them.
        if (rate := mean(critical).value) > 0:
            rates[key] = _share(mean, alarmed, critical, rate, confidence)
    if not rates:
        raise InputError(
            f"none of {len(results):,} trials changed a prediction, so there is no critical fault "
            "to detect; run more trials"
        )
    return rates[""] if by is None else Rates(by, f"{metric}.caught of critical", rates)


Mean = Callable[[np.ndarray], Estimate]


def _mean_of(groups: Groups, parts: Parts, confidence: float) -> Mean:
    def mean(values: np.ndarray) -> Estimate:
        return stratified_mean(groups.cells(parts, values), confidence=confidence)

    return mean


def _share(
    mean: Mean, alarmed: np.ndarray, critical: np.ndarray, rate: float, confidence: float
) -> Estimate:
    # Both means are rounded, and their quotient may exceed 1.
    value = min(1.0, mean(alarmed).value / rate)

    # Fieller's condition, mean(caught - p * critical) = 0, is written as a mean of values in
    # [0, 1]: adding p to both sides gives mean(caught + p * (1 - critical)) = p.
    def mean_given(p: float) -> Estimate:
        """A mean that equals ``p`` exactly if the share does."""
        return mean(np.clip(alarmed + p * (1 - critical), 0.0, 1.0))

    def limit(end: float, excess: Callable[[float], float]) -> float:
        """The share between ``end`` and the estimate at which shares become compatible."""
        # Compatible up to the end: there is no root in between.
        if excess(end) <= 0:
            return end
        # The excess at the estimate is positive only by rounding errors in an exhaustive run.
        return value if excess(value) >= 0 else float(brentq(excess, end, value, xtol=_CLOSE))

    low = limit(0.0, lambda p: mean_given(p).low - p)
    high = limit(1.0, lambda p: p - mean_given(p).high)
    # The root is known to this accuracy only, and an interval must not be too narrow.
    low = low if low == value else low - _CLOSE
    high = high if high == value else high + _CLOSE
    trials = mean(critical).trials
    low, high = max(0.0, min(low, value)), min(1.0, max(high, value))
    return Estimate(value, low, high, confidence, trials)


def _metric(results: Results, detected: Detected | None) -> str:
    names = [c.removesuffix(".caught") for c in results.columns if c.startswith("Detected(")]
    names = [name for name in names if f"{name}.missed" in results.columns]
    if detected is not None:
        if repr(detected) not in names:
            raise InputError(
                f"{detected!r} is not a metric of this run; Detected metrics of this run: "
                f"{', '.join(names) or 'none'}"
            )
        return repr(detected)
    if len(names) != 1:
        raise InputError(
            f"the run has {len(names)} metrics Detected(...); "
            + ("specify one" if names else "use run(..., metrics=[calibrate(model, data)])")
        )
    return names[0]
