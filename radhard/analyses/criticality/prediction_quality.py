"""How well are critical bits predicted?"""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.analyses.criticality.bit_table import BitTable
from radhard.stats import Estimate

__all__ = ["PredictionQuality", "area_under_curve", "prediction_quality"]

_RESAMPLES = 200

Scores = npt.NDArray[np.float64]


@final
@dataclass(frozen=True)
class PredictionQuality:
    """The quality of predictions for bits on which the forest was not trained.

    The four cells are shares of all bits of the fault space, and add up to 1.
    """

    area: Estimate | None
    """Area under the ROC curve with a bootstrap interval; None if all bits have one verdict."""
    true_negative: float
    """Harmless, and predicted so."""
    false_positive: float
    """Harmless, but predicted to be critical: protected in vain."""
    false_negative: float
    """Critical, but predicted to be harmless: a hazard."""
    true_positive: float
    """Critical, and predicted so."""
    bits: int
    """Number of bits on which it was measured."""
    words: int
    """Number of their words, which are the sampling units of the interval."""


def prediction_quality(
    scores: Scores, bits: BitTable, *, threshold: float, rng: np.random.Generator
) -> PredictionQuality:
    """The quality of some scores; bits with at least ``threshold`` are predicted to be critical."""
    predicted, total = scores >= threshold, bits.weights.sum()

    def share(rows: npt.NDArray[np.bool_]) -> float:
        return float(bits.weights[rows].sum() / total)

    words = np.unique(bits.words)
    return PredictionQuality(
        _area(scores, bits, words, rng),
        share(~predicted & ~bits.critical),
        share(predicted & ~bits.critical),
        share(~predicted & bits.critical),
        share(predicted & bits.critical),
        len(bits),
        len(words),
    )


def area_under_curve(
    scores: Scores, critical: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64]
) -> float:
    """Area under the ROC curve: the probability that a critical bit has the larger score.

    >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0, 1, 0, 1]) > 0, np.ones(4))
    0.875
    """
    _, ranks = np.unique(scores, return_inverse=True)
    return _ranked_area(ranks, critical, weights)


def _ranked_area(
    ranks: npt.NDArray[np.int64],
    critical: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
) -> float:
    """The area from the ranks of the scores, which all resamples share; ties count half."""
    yes = np.bincount(ranks, weights * critical)
    no = np.bincount(ranks, weights * ~critical)
    # For each critical bit the harmless ones below it, and half of those with the same score.
    # Counting by rank takes no sorting per resample.
    return float((yes * (np.cumsum(no) - no / 2)).sum() / (yes.sum() * no.sum()))


def _area(
    scores: Scores, bits: BitTable, words: npt.NDArray[np.int64], rng: np.random.Generator
) -> Estimate | None:
    if not 0 < bits.critical.sum() < len(bits):
        return None
    _, ranks = np.unique(scores, return_inverse=True)
    value = _ranked_area(ranks, bits.critical, bits.weights)
    # Words are resampled, as the bits of a word are not independent.
    of_bit = np.searchsorted(words, bits.words)
    areas = []
    for _ in range(_RESAMPLES):
        # A word that was drawn several times counts as often, as a weight: the bits need not be
        # copied.
        times = np.bincount(rng.integers(len(words), size=len(words)), minlength=len(words))
        weights = bits.weights * times[of_bit]
        # Without bits of both kinds there is no area.
        if weights[bits.critical].any() and weights[~bits.critical].any():
            areas.append(_ranked_area(ranks, bits.critical, weights))
    low, high = np.quantile(areas, [0.025, 0.975]).tolist()
    # Quantiles of resamples need not enclose the estimate itself.
    return Estimate(value, min(low, value), max(high, value), 0.95, len(words), unit="")
