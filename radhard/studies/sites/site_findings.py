"""How high an error rate does each site of a network tolerate?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from radhard.comparison import ErrorCurve, Tolerable, tolerable, tolerance_ratio
from radhard.stats import Cell, Estimate, stratified_mean

__all__ = ["Equal", "MeasuredSite", "SiteFindings"]

Reals = NDArray[np.float64]

Phase = Literal["inference", "training"]

Equal = Literal["rate", "number"]
"""What two sites have in common: the rate per bit or word, or the mean number of faults."""

_ENDLESS = 10**15
"""At an error rate, practically every trial has different faults."""


@final
@dataclass(frozen=True, eq=False)
class MeasuredSite:
    """One site with one kind of fault: the error at all rates."""

    site: str
    fault: str
    phase: Phase
    size: int
    """Bits, or words, that can be faulty at one time: in the memory, in one inference, or in one
    step of a training."""
    curve: ErrorCurve
    ends: Reals | None = None
    """Accuracy of each trial, where the errors of the curve are not those measured: in training,
    those are relative to fault-free twins."""

    def accuracy(self) -> list[tuple[float, Estimate]]:
        """Mean accuracy of the trials at each rate."""
        # The difference from 1 may be off by rounding.
        every = np.clip(1 - self.curve.errors, 0, 1) if self.ends is None else self.ends
        start, found = 0, []
        for rate, size in zip(self.curve.rates, self.curve.sizes, strict=True):
            cell = Cell(every[start : start + size], _ENDLESS)
            found.append((rate, stratified_mean([cell], confidence=0.95)))
            start += size
        return found


@final
@dataclass(frozen=True, eq=False)
class SiteFindings:
    """All sites of one network with all kinds of faults, measured."""

    network: str
    images: int
    increases: tuple[float, ...]
    training_increase: float
    measured: Sequence[MeasuredSite]
    fingerprints: dict[str, str]
    _known: dict[tuple[str, str, str, float], Tolerable] = field(default_factory=dict)

    def of(self, site: str, fault: str, phase: Phase = "inference") -> MeasuredSite | None:
        """One site with one kind of fault; None if it was not measured."""
        keys = {(each.site, each.fault, each.phase): each for each in self.measured}
        return keys.get((site, fault, phase))

    def increase(self, phase: Phase) -> float:
        """The tolerated increase of the error that decides the claims."""
        return self.increases[0] if phase == "inference" else self.training_increase

    def tolerable(self, each: MeasuredSite, increase: float) -> Tolerable:
        """The highest rate per bit, or word, at which the error is within its limit."""
        key = each.site, each.fault, each.phase, increase
        if key not in self._known:
            self._known[key] = tolerable(each.curve, increase=increase)
        return self._known[key]

    def ratio(self, one: MeasuredSite, than: MeasuredSite, equal: Equal) -> Estimate | None:
        """How many times the rate, or the number of faults, that another site tolerates.

        None if the rates tried say nothing about it.
        """
        found = tolerance_ratio(one.curve, than.curve, increase=self.increase(one.phase))
        if found is None or equal == "rate":
            return found
        # Number of faults is rate times size, so that both have the same interval, scaled.
        scale = one.size / than.size
        return found.map(lambda ratio: scale * ratio, "times")

    def factor(self, one: MeasuredSite, than: MeasuredSite, equal: Equal) -> Estimate | None:
        """By which factor two sites differ, whichever of them tolerates more."""
        ratio = self.ratio(one, than, equal)
        if ratio is None:
            return None
        ends = sorted((_factor(ratio.low), _factor(ratio.high)))
        # An interval that contains 1 does not tell which of the two tolerates more: they may be
        # equal.
        low = 1.0 if ratio.low <= 1 <= ratio.high else ends[0]
        return Estimate(_factor(ratio.value), low, ends[1], ratio.confidence, ratio.trials, "times")


def _factor(ratio: float) -> float:
    return math.inf if ratio == 0 else max(ratio, 1 / ratio)
