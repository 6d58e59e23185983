"""From which bits is criticality learned, and on which is the prediction judged?"""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.analyses.criticality.bit_features import BitFeatures
from radhard.analyses.criticality.measurements import Measurements
from radhard.errors import InputError
from radhard.space import Numbers

__all__ = ["BitTable", "bit_table"]

_HELD_OUT = 0.3
"""Share of the words that are held out, as by Traiola et al. (DATE 2023)."""


@final
@dataclass(frozen=True, eq=False)
class BitTable:
    """Measured bits with their features, their verdicts at one tolerance, and their words."""

    names: tuple[str, ...]
    features: npt.NDArray[np.float32]
    """``(bits, features)``, in the order of ``names``."""
    critical: npt.NDArray[np.bool_]
    words: Numbers
    """The number of each bit's word; the bits of a word are never split."""
    weights: npt.NDArray[np.float64]
    """The number of bits of the fault space that each bit represents."""

    def __len__(self) -> int:
        return len(self.critical)

    @property
    def critical_words(self) -> Numbers:
        """The words with at least one critical bit, ascending."""
        return np.unique(self.words[self.critical])

    def of_words(self, words: Numbers) -> "BitTable":
        """The bits of some words."""
        rows = np.isin(self.words, words)
        return replace(
            self,
            features=self.features[rows],
            critical=self.critical[rows],
            words=self.words[rows],
            weights=self.weights[rows],
        )

    def split(self, rng: np.random.Generator) -> tuple["BitTable", "BitTable"]:
        """The bits of 70 % of the words, and those of the 30 % that are held out.

        Words with a critical bit and words without are split separately, so that both parts
        contain some of each.

        Raises:
            InputError: fewer than two words have critical bits, or no bit is harmless.
        """
        harmful = self.critical_words
        harmless = np.setdiff1d(self.words, harmful)
        if len(harmful) < 2 or self.critical.all():
            words = len(harmful) + len(harmless)
            few = f"{len(harmful)} of the {words:,} words measured have critical bits"
            raise InputError(
                f"{few if len(harmful) < 2 else 'all bits measured are critical'}, so that there "
                "is nothing to learn; measure more bits, or choose another tolerance"
            )
        # At least one, where 30 % of few words is rounded to none.
        held_out = [
            rng.choice(words, round(_HELD_OUT * len(words)) or 1, replace=False, shuffle=False)
            for words in (harmful, harmless)
            if len(words) > 1
        ]
        chosen = np.concatenate(held_out)
        return self.of_words(np.setdiff1d(self.words, chosen)), self.of_words(chosen)


def bit_table(measured: Measurements, features: BitFeatures, tolerance: float) -> BitTable:
    """The measured bits with their features and their verdicts at a tolerance."""
    # Region by region, as features are computed for bits of one tensor; the rows stay in the order
    # of the trials.
    rows = np.zeros((len(measured), len(features.names)), np.float32)
    for place in np.unique(measured.places).tolist():
        here = measured.places == place
        rows[here] = features.rows(place, measured.words[here], measured.variants[here])
    return BitTable(
        features.names,
        rows,
        measured.critical(tolerance),
        measured.word_numbers,
        measured.weights,
    )
