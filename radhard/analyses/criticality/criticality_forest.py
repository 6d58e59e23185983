"""How is a forest trained that predicts whether a bit is critical?"""

from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from radhard.analyses.criticality.bit_table import BitTable
from radhard.analyses.criticality.prediction_quality import area_under_curve
from radhard.errors import InputError

__all__ = ["CriticalityForest", "ForestKind", "cross_validate"]

ForestKind = Literal["balanced", "forest"]
"""Every tree is trained on as many critical as harmless bits, or on a bootstrap sample of all."""

_AT_ONCE = 2**18
"""Bits predicted at a time, so that memory does not grow with the model."""


@final
@dataclass(frozen=True, eq=False)
class CriticalityForest:
    """A random forest that gives each bit a score between 0 and 1; it is larger if critical."""

    forest: Any

    @classmethod
    def of(cls, bits: BitTable, kind: ForestKind, *, trees: int, seed: int) -> "CriticalityForest":
        """Train on some bits; the same seed gives the same forest.

        Raises:
            InputError: ``"balanced"`` without the package imbalanced-learn.
        """
        forest = _balanced(trees, seed) if kind == "balanced" else _plain(trees, seed)
        return cls(forest.fit(bits.features, bits.critical))

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The score of each row of features: the mean vote of the trees."""
        if not len(features):
            return np.zeros(0)
        parts = np.array_split(features, range(_AT_ONCE, len(features), _AT_ONCE))
        # The column of True; a forest that saw one verdict only has one column.
        (yes,) = np.flatnonzero(self.forest.classes_)
        return np.concatenate([self.forest.predict_proba(part)[:, yes] for part in parts])

    @property
    def importance(self) -> list[float]:
        """The importance of each feature: its share of the decrease of impurity."""
        found: list[float] = self.forest.feature_importances_.tolist()
        return found


def cross_validate(
    bits: BitTable, kind: ForestKind, *, trees: int, folds: int, seed: int
) -> list[float]:
    """The area under the ROC curve in each fold, predicted by a forest trained on the others.

    All bits of a word are in one fold: neighbouring bits of one word resemble each other, and a
    forest that has seen some would be judged too well by the rest. There are fewer folds if fewer
    words have critical bits, and a fold without a critical bit, or without any in the others, has
    no area.

    Raises:
        InputError: fewer than two words have critical bits.
    """
    # Here, as scikit-learn takes as long to import as a page takes to write.
    from sklearn.model_selection import StratifiedGroupKFold

    folds = min(folds, len(bits.critical_words))
    if folds < 2:
        raise InputError(
            "cross-validation requires at least 2 words with critical bits; measure more bits, or "
            "choose a smaller tolerance"
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    areas = []
    for train, test in splitter.split(bits.features, bits.critical, bits.words):
        one, other = (bits.of_words(bits.words[rows]) for rows in (train, test))
        if not one.critical.any() or not 0 < other.critical.sum() < len(other):
            continue
        scores = CriticalityForest.of(one, kind, trees=trees, seed=seed).scores(other.features)
        areas.append(area_under_curve(scores, other.critical, other.weights))
    return areas


def _plain(trees: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(trees, random_state=seed, n_jobs=1)


def _balanced(trees: int, seed: int) -> Any:
    try:
        # Imported here, because it is part of an extra.
        from imblearn.ensemble import BalancedRandomForestClassifier
    except ImportError:
        raise InputError(
            "model='balanced' requires imbalanced-learn: pip install 'radhard[learning]'; or use "
            "model='forest'"
        ) from None
    # As published for such forests: each tree draws as many of either class, with replacement. That
    # is its bootstrap already. The values are given because the defaults depend on the version.
    return BalancedRandomForestClassifier(
        trees, sampling_strategy="all", replacement=True, bootstrap=False, random_state=seed,
        n_jobs=1,
    )  # fmt: skip
