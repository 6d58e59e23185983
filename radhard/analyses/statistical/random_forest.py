"""How well does a random forest predict the vulnerability of parameters?"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from radhard.scores import rank_correlation

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor

__all__ = ["FOLDS", "Learned", "learned", "quality"]

FOLDS = 5
"""Number of folds of the cross-validation."""

_RESAMPLES = 1000
_AT_ONCE = 2**18
"""Parameters predicted at a time, so that memory does not grow with the model."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Learned:
    """A forest fitted to all parameters tried, and cross-validated predictions for these."""

    forest: "RandomForestRegressor"
    held_out: Array
    """For every parameter tried, the prediction of a forest that was fitted without it."""

    def predict(self, features: Array) -> Array:
        """The predictions for ``(parameters, features)``."""
        parts = np.array_split(features, range(_AT_ONCE, len(features), _AT_ONCE))
        return np.concatenate([self.forest.predict(part) for part in parts])


def learned(
    features: Array, critical: Array, trees: int, leaf: int, rng: np.random.Generator
) -> Learned:
    """Fit a forest to all parameters, and for each fold one that is fitted without it."""
    # Here, as scikit-learn takes as long to import as a page takes to write.
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold, cross_val_predict

    forest_seed, fold_seed = rng.integers(2**31, size=2).tolist()
    forest = RandomForestRegressor(trees, min_samples_leaf=leaf, random_state=forest_seed)
    folds = KFold(FOLDS, shuffle=True, random_state=fold_seed)
    held_out = cross_val_predict(forest, features, critical, cv=folds)
    return Learned(forest.fit(features, critical), held_out)


def quality(held_out: Array, critical: Array, rng: np.random.Generator) -> dict[str, Any]:
    """R2 (with a bootstrap interval) and rank correlation of predictions and measurements.

    The rank correlation is None if all predictions are equal.
    """
    from sklearn.metrics import r2_score

    drawn = rng.integers(len(critical), size=(_RESAMPLES, len(critical)))
    true = critical[drawn]
    # Without variance in a resample, R2 would divide by zero.
    varied = np.ptp(true, axis=1) > 0
    true, found = true[varied], held_out[drawn[varied]]
    # As sklearn's r2_score says it of one, but a thousand calls of that take as long as the trials.
    missed = ((true - found) ** 2).sum(1)
    spread = 1 - missed / ((true - true.mean(1, keepdims=True)) ** 2).sum(1)
    low, high = np.quantile(spread, [0.025, 0.975]).tolist()
    r2 = float(r2_score(critical, held_out))
    rank = None
    if np.ptp(held_out) > 0:
        correlation = asdict(rank_correlation(held_out, critical, 0.95))
        rank = {key: correlation[key] for key in ("value", "low", "high")}
    # Quantiles of resamples need not enclose the estimate itself.
    return {"r2": {"value": r2, "low": min(low, r2), "high": max(high, r2)}, "rank": rank}
