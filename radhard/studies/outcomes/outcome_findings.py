"""Which outcomes do faults in the weights of one network have, by set and protection?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from radhard.stats import Cell, Estimate, mean_difference, stratified_mean
from radhard.studies.outcomes.outcome_design import Reading

__all__ = ["ENDLESS", "Arm", "OutcomeFindings", "Point"]

ENDLESS = 10**15
"""At an error rate, practically every trial has different faults."""


@final
@dataclass(frozen=True)
class Point:
    """One rate at which faults were injected into a set of weights."""

    scenario: str
    variant: str
    reading: Reading
    rate: float


@final
@dataclass(frozen=True, eq=False)
class Arm:
    """The trials at one rate: for each figure, one value a trial."""

    faults: float
    """Mean number of faulty bits in a trial."""
    figures: Mapping[str, NDArray[np.float64]]

    def joined(self, other: "Arm") -> "Arm":
        """With the trials of another campaign at the same rate."""
        n, more = (len(each.figures["due"]) for each in (self, other))
        return Arm(
            # Weighted by trials, as the two campaigns may have different numbers of them.
            (n * self.faults + more * other.faults) / (n + more),
            {
                name: np.concatenate((values, other.figures[name]))
                for name, values in self.figures.items()
            },
        )


@final
@dataclass(frozen=True, eq=False)
class OutcomeFindings:
    """All sets of weights and protections of one network, measured."""

    network: str
    samples: int
    fault_free: Mapping[str, float]
    """Accuracy and score without faults, by ``"accuracy"`` and ``"score"``."""
    weights: Mapping[str, int]
    """Number of weights, by scenario."""
    largest: float
    """The largest magnitude of a weight."""
    changed: Mapping[str, int]
    """By protection, the number of samples whose fault-free output it changes."""
    arms: Mapping[Point, Arm]
    fingerprints: Mapping[str, str]
    bits: Mapping[str, Any] | None = None
    """The facts of `radhard.analyses.BitWise`."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Protections that this network cannot have, and why."""
    chance: float | None = None
    """The score of guessing, if an output with NaN scores less."""
    _known: dict[tuple[Point, str, float], Estimate] = field(default_factory=dict)

    def mean(self, point: Point, figure: str, *, confidence: float = 0.95) -> Estimate:
        """The mean of a figure over the trials at a rate, as a share."""
        key = point, figure, confidence
        if key not in self._known:
            cell = Cell(self.arms[point].figures[figure], ENDLESS)
            self._known[key] = stratified_mean([cell], confidence=confidence)
        return self._known[key]

    def lost(self, point: Point, of: str = "accuracy") -> Estimate:
        """Points of accuracy, or of the ``"score"``, that the faults cost on average."""
        free = self.fault_free[of]
        # Rounded, so that an unchanged figure is printed as zero.
        return self.mean(point, of).map(
            lambda share: round(100 * (free - share), 9) + 0.0, "points"
        )

    def harmful(self, point: Point, *, confidence: float = 0.95) -> Estimate:
        """The share of samples with a critical SDC or a DUE."""
        return self.mean(point, "harmful", confidence=confidence)

    def more(self, first: Point, second: Point, figure: str) -> Estimate:
        """By how many points a figure is higher at the first point than at the second.

        Trials with the same number have the same faults if only the protection differs; otherwise
        this is the difference of two independent means.
        """
        pairs = self.arms[first].figures[figure] - self.arms[second].figures[figure]
        return mean_difference([Cell(pairs, ENDLESS)]).map(lambda share: 100 * share, "points")

    def fraction(self, first: Point, second: Point, figure: str) -> Estimate | None:
        """A mean at the first point as a fraction of that at the second; None if that may be 0.

        Each of the two intervals is of 97.5 %, so that both are right in 95 %.
        """
        above, below = (self.mean(at, figure, confidence=0.975) for at in (first, second))
        if below.low <= 0:
            return None
        return Estimate(
            above.value / below.value,
            # The smallest ratio that the two intervals allow, and the largest.
            above.low / below.high,
            above.high / below.low,
            0.95,
            above.trials + below.trials,
            "of it",
        )

    def seen(self, points: Sequence[Point], figure: str) -> tuple[int, Estimate]:
        """The number of trials in which a figure is above 0, and their share with its interval."""
        happened = np.concatenate([self.arms[point].figures[figure] > 0 for point in points])
        share = stratified_mean([Cell(happened.astype(np.float64), ENDLESS)])
        return int(happened.sum()), share

    @cached_property
    def by_chance(self) -> "OutcomeFindings":
        """The same findings, but trials with a DUE score as guessing does."""
        assert self.chance is not None
        arms = {}
        for point, arm in self.arms.items():
            before = arm.figures["score"]
            # A detected error lets the application fall back on a guess; what it scored is
            # replaced.
            score = np.where(arm.figures["due"] > 0, self.chance, before)
            drop = arm.figures["score drop"] + before - score
            arms[point] = Arm(arm.faults, {**arm.figures, "score": score, "score drop": drop})
        return replace(self, arms=arms, chance=None, _known={})

    @property
    def constant_bits(self) -> dict[int, int]:
        """The bits with the same value in all weights, and that value; empty if not analyzed."""
        if self.bits is None:
            return {}
        tensors = list(self.bits["constant bits"].values())
        first = tensors[0] if tensors else {}
        return {
            int(bit): value
            for bit, value in first.items()
            if all(other.get(bit) == value for other in tensors)
        }

    def points(self, scenario: str, variant: str, reading: Reading) -> list[Point]:
        """All rates of a campaign, ascending."""
        key = (scenario, variant, reading)
        found = [p for p in self.arms if (p.scenario, p.variant, p.reading) == key]
        return sorted(found, key=lambda point: point.rate)
