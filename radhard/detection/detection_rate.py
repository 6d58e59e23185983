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

__all__ = ["caught"]

_CLOSE = 1e-6
"""How close limits are found; they are given so much wider."""


def caught(
    results: Results,
    detected: Detected | None = None,
    *,
    by: str | None = None,
    confidence: float = 0.95,
) -> Any:
    """The share of critical faults that an alarm catches: an `Estimate`, or `Rates` with ``by``.

    Of all samples whose answer some fault of the space changes, the share that raises an alarm:
    the mean of ``caught`` over the mean of ``caught + missed``. Its interval holds the shares *p*
    for which the mean of ``caught - p (caught + missed)`` may be 0 (Fieller, 1954), by the same
    interval as all rates; so it holds for any sampler. Groups without a critical fault are left
    out.

    Args:
        results: a campaign with a `Detected` among its metrics.
        detected: which one, where there are several.
        by: as in `Results.rate`.
        confidence: of the interval.

    Raises:
        InputError: no such metric in the run, or no critical fault.
    """
    metric = _metric(results, detected)
    alarmed = results.values(f"{metric}.caught")
    critical = alarmed + results.values(f"{metric}.missed")
    by = results.usual_split if by is None else by
    groups = Groups(results.space, results.trials, results.numbers, by)
    found = {}
    for key, parts in groups.split():
        mean = _mean_of(groups, parts, confidence)
        if (rate := mean(critical).value) > 0:
            found[key] = _share(mean, alarmed, critical, rate, confidence)
    if not found:
        raise InputError(
            f"none of {len(results):,} trials changed an answer, so that there was nothing to "
            "catch; run more trials"
        )
    return found[""] if by is None else Rates(by, f"{metric}.caught of critical", found)


Mean = Callable[[np.ndarray], Estimate]


def _mean_of(groups: Groups, parts: Parts, confidence: float) -> Mean:
    def mean(values: np.ndarray) -> Estimate:
        return stratified_mean(groups.cells(parts, values), confidence=confidence)

    return mean


def _share(
    mean: Mean, alarmed: np.ndarray, critical: np.ndarray, rate: float, confidence: float
) -> Estimate:
    value = min(1.0, mean(alarmed).value / rate)

    def if_it_were(p: float) -> Estimate:
        """The mean that is ``p`` if the share is: every uncritical sample counts for ``p``."""
        return mean(np.clip(alarmed + p * (1 - critical), 0.0, 1.0))

    def limit(end: float, excess: Callable[[float], float]) -> float:
        """Between ``end`` and the share, where a share begins to be possible."""
        if excess(end) <= 0:
            return end
        # Above 0 at the share itself only by rounding, where all of the space was tried.
        return value if excess(value) >= 0 else float(brentq(excess, end, value, xtol=_CLOSE))

    low = limit(0.0, lambda p: if_it_were(p).low - p)
    high = limit(1.0, lambda p: p - if_it_were(p).high)
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
                f"{detected!r} is no metric of this run; it has {', '.join(names) or 'none such'}"
            )
        return repr(detected)
    if len(names) != 1:
        raise InputError(
            f"the run has {len(names)} metrics Detected(...); "
            + ("say which one" if names else "give run(..., metrics=[calibrated(model, data)])")
        )
    return names[0]
