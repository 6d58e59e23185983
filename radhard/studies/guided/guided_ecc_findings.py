"""Which bits are critical in each format, which words are protected, and what is left?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from radhard.analyses.criticality import (
    Measurements,
    PredictionQuality,
    SelectiveMemory,
    selective_memory,
)
from radhard.analyses.criticality.criticality_forest import ForestKind
from radhard.stats import Estimate, clopper_pearson

__all__ = [
    "GuidedEccFindings",
    "Left",
    "MeasuredFormat",
    "Prediction",
    "WordChoice",
    "counted",
    "difference",
]


@final
@dataclass(frozen=True)
class Prediction:
    """How well a forest predicts the critical bits of held-out words."""

    forest: ForestKind
    tolerance: float
    quality: PredictionQuality
    missed: int
    """Held-out critical bits that are predicted to be harmless."""
    critical: int
    alarms: int
    """Held-out harmless bits that are predicted to be critical."""
    harmless: int


@final
@dataclass(frozen=True, eq=False)
class WordChoice:
    """Words that are protected, chosen by a forest and a threshold."""

    forest: ForestKind
    threshold: float
    promise: float | None
    """Share of the words with critical bits that are missed, at most; None: nothing is promised."""
    masks: Mapping[str, npt.NDArray[np.bool_]]
    """By tensor, whether each word is protected."""
    missed: int
    """Critical bits among those flipped to verify, in words that are not protected."""
    critical: int
    """All critical bits among those flipped to verify."""
    area: float | None = None
    """Mean area under the ROC curve of the forest in cross-validation; None without one."""

    @property
    def words(self) -> int:
        """Number of protected words."""
        return int(sum(mask.sum() for mask in self.masks.values()))

    @property
    def size(self) -> int:
        """Number of all words."""
        return sum(mask.size for mask in self.masks.values())

    @property
    def share(self) -> float:
        """The share of the words that are protected."""
        return self.words / self.size

    def memory(self, bits: int) -> SelectiveMemory:
        """The additional memory for words of ``bits`` bits."""
        return selective_memory(bits, self.share)


@final
@dataclass(frozen=True)
class Left:
    """What selective protection leaves: a campaign on the protected memory."""

    repeated: int
    """Critical faults that were repeated, drawn independently of those from which was learned."""
    critical: int
    """Those that are still critical."""
    added: int
    """Faults in the check bits and the signature."""
    critical_added: int
    """Critical ones among these."""
    added_bits: int
    """Check bits of words and signature, and bits of the signature."""

    @property
    def missed(self) -> Estimate:
        """The share of the critical faults that are still critical."""
        return counted(self.critical, self.repeated)

    @property
    def in_added(self) -> Estimate:
        """The share of the faults in check bits and signature that are critical."""
        return counted(self.critical_added, self.added)


@final
@dataclass(frozen=True, eq=False)
class MeasuredFormat:
    """The weights of a network in one format."""

    format: str
    bits: int
    """Width of a word."""
    rounded: float
    """Fault-free accuracy on all test images with the weights rounded."""
    accuracy: float
    """The same after training in the format."""
    flips: Measurements
    """The flips from which critical bits are learned."""
    fresh: Estimate
    """The share of critical bits among the flips drawn to verify."""
    predictions: tuple[Prediction, ...]
    choices: tuple[WordChoice, ...]
    """The paper's (both forests, with a threshold of 0.5) and, last, the one that is verified."""
    left: Left | None
    """None if no critical fault was found to repeat, or nothing could be learned."""
    notes: Mapping[str, Any]
    """Fingerprints and notes of the campaigns."""

    def prediction(self, forest: ForestKind, tolerance: float) -> Prediction | None:
        """The quality of a forest at a tolerance; None if there was too little to learn from."""
        found = [p for p in self.predictions if (p.forest, p.tolerance) == (forest, tolerance)]
        return found[0] if found else None

    def choice(self, forest: ForestKind) -> WordChoice | None:
        """The words chosen by a forest with a threshold of 0.5, as in the paper."""
        found = [c for c in self.choices[:-1] if c.forest == forest]
        return found[0] if found else None

    @property
    def promised(self) -> WordChoice | None:
        """The words that are protected in the verification."""
        return self.choices[-1] if self.choices else None


@final
@dataclass(frozen=True, eq=False)
class GuidedEccFindings:
    """All formats of one network, measured."""

    network: str
    images: int
    tests: int
    """All test images."""
    tolerance: float
    loosest: float
    measured: Mapping[str, MeasuredFormat]

    @property
    def first(self) -> str:
        """The name of the format in which the network was trained first."""
        return next(iter(self.measured))

    @property
    def narrowest(self) -> str:
        """The name of the format with the fewest bits."""
        return min(self.measured, key=lambda name: self.measured[name].bits)


def counted(events: int, n: int) -> Estimate:
    """A share with the exact binomial interval.

    >>> print(counted(0, 100))
    0 % [0 %, 3.6 %] (95 %, none in 100 trials)
    """
    low, high = clopper_pearson(events, n)
    return Estimate(events / n, low, high, 0.95, n)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """One share minus another that was measured independently (Newcombe, 1998, method 10).

    The interval combines those of the two; for shares measured on the same things, which agree more
    often than by chance, it is too wide rather than too narrow.

    >>> print(difference(counted(30, 100), counted(10, 100)))
    20 % [8 %, 31 %] (95 %, 200 trials)
    """
    value = one.value - other.value
    below = np.hypot(one.value - one.low, other.high - other.value)
    above = np.hypot(one.high - one.value, other.value - other.low)
    low, high = float(value - below), float(value + above)
    return Estimate(value, low, high, one.confidence, one.trials + other.trials)
