"""How accurate is a network under faults in each of its sets of weights, protected and not?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from radhard.stats import Cell, Estimate, mean_difference, mean_share, stratified_mean
from radhard.studies.guided import difference
from radhard.studies.weight_groups.scrubbing_times import ScrubbingTimes
from radhard.studies.weight_groups.weight_group import WeightGroup
from radhard.studies.weight_groups.weight_group_design import WeightGroupDesign

__all__ = ["Accuracies", "WeightGroupFindings", "more_lost", "selected_groups"]

Figures = NDArray[np.float64]

_ENDLESS = 10**15
"""Sets of faults: endlessly many, and of each set of weights alike."""


@final
@dataclass(frozen=True)
class Accuracies:
    """Fault-free accuracies on the samples of the campaigns, as shares."""

    plain: float
    protected: float


@final
@dataclass(frozen=True, eq=False)
class WeightGroupFindings:
    """All sets of weights of one network, measured; drops are in points of accuracy."""

    network: str
    samples: int
    """Test samples of a campaign."""
    groups: tuple[WeightGroup, ...]
    design: WeightGroupDesign
    golden: Accuracies
    right: NDArray[np.bool_]
    """Which of all test samples the network classifies correctly without faults."""
    right_protected: NDArray[np.bool_]
    """The same with the check bits in the selected sets."""
    right_inverted: NDArray[np.bool_]
    """The same with all signs of the dense layers flipped."""
    plain: Mapping[tuple[str, str, int], Figures]
    """By set, field and number of flips, the accuracy of each trial."""
    rates: Mapping[tuple[str, float], Figures]
    """By set and error rate of the exposed field."""
    selected: tuple[str, ...]
    """Sets that are protected."""
    control: Mapping[tuple[str, str, int], Figures]
    """As ``plain``, for selected sets, under other faults than those that selected them.

    A set whose trials happen to be harmful is selected more easily. What the code gains would be
    too high if the same trials were compared with it.
    """
    protected: Mapping[tuple[str, str, int], Figures]
    """As ``control``, with the code; the same faults, trial by trial."""
    precise: Mapping[str, Figures]
    """More trials of protected sets at the judged number of flips in the exposed field."""
    times: tuple[ScrubbingTimes, ...]
    """For passes over few and over many samples; empty if not measured."""
    facts: Mapping[str, Any]
    """Sampler, engine and fingerprints of every campaign."""

    @property
    def most(self) -> int:
        """The largest number of flips."""
        return max(self.design.counts)

    def accuracy_on_test(self) -> Estimate:
        """Fault-free accuracy, with the interval for other samples of the kind."""
        return mean_share(self.right)

    def accuracy(self, group: str, field: str, count: int) -> Estimate | None:
        """Mean accuracy; None where the set has fewer bits than flips."""
        found = self.plain.get((group, field, count))
        return None if found is None else stratified_mean([Cell(found, _ENDLESS)])

    def accuracy_control(self, group: str, field: str, count: int) -> Estimate | None:
        """The same under the faults that the code is judged by."""
        found = self.control.get((group, field, count))
        return None if found is None else stratified_mean([Cell(found, _ENDLESS)])

    def accuracy_protected(self, group: str, field: str, count: int) -> Estimate | None:
        """The same with the code, under the same faults."""
        found = self.protected.get((group, field, count))
        return None if found is None else stratified_mean([Cell(found, _ENDLESS)])

    def accuracy_at_rate(self, group: str, rate: float) -> Estimate:
        """Mean accuracy at an error rate of the exposed field."""
        return stratified_mean([Cell(self.rates[group, rate], _ENDLESS)])

    def large_enough(self, groups: Sequence[str], *fields: str) -> tuple[str, ...]:
        """Those of some sets that have bits for the largest number of flips in every field."""
        return tuple(
            group
            for group in groups
            if all((group, field, self.most) in self.plain for field in fields)
        )

    def drop(self, groups: Sequence[str], field: str, count: int) -> Estimate | None:
        """Points lost, with equal weight for all of some sets; None where one has too few bits."""
        found = [self.plain.get((group, field, count)) for group in groups]
        measured = [each for each in found if each is not None]
        return self._drop(measured, self.golden.plain) if len(measured) == len(found) else None

    def largest_drop(
        self, groups: Sequence[str], field: str, count: int
    ) -> tuple[str, Estimate] | None:
        """The set that loses most, and the points that any of the sets loses at most.

        Which set loses most is not known before. Therefore the interval of each has the confidence
        1 - 0.05 / number of sets (Bonferroni), and the largest limits are those of the maximum.
        """
        if not groups:
            return None
        confidence = 1 - 0.05 / len(groups)
        drops = [
            self._drop([self.plain[group, field, count]], self.golden.plain, confidence)
            for group in groups
        ]
        found = [each for each in drops if each is not None]
        value = max(each.value for each in found)
        worst = next(g for g, each in zip(groups, found, strict=True) if each.value == value)
        low, high = max(each.low for each in found), max(each.high for each in found)
        return worst, Estimate(value, low, high, 0.95, sum(each.trials for each in found), "points")

    def drop_at_rate(self, groups: Sequence[str], rate: float) -> Estimate | None:
        """The same at an error rate of the exposed field."""
        return self._drop([self.rates[group, rate] for group in groups], self.golden.plain)

    def drop_protected(self, group: str) -> Estimate | None:
        """Points that the protected network loses at the judged number of flips.

        Relative to the network that is not protected, without faults.
        """
        found = self.precise.get(group)
        return None if found is None else self._drop([found], self.golden.plain)

    def gain(self, group: str, field: str, count: int) -> Estimate | None:
        """Points that the code gains, paired by the faults."""
        before = self.control.get((group, field, count))
        after = self.protected.get((group, field, count))
        if before is None or after is None:
            return None
        found = mean_difference([Cell(after - before, _ENDLESS)])
        return found.map(lambda share: 100 * share, "points")

    def lost_by_code(self) -> float:
        """Points that the check bits cost on all test samples without faults."""
        return 100 * float(self.right.mean() - self.right_protected.mean())

    def names(self, wanted: Callable[[WeightGroup], bool]) -> tuple[str, ...]:
        """The names of some sets."""
        return tuple(group.name for group in self.groups if wanted(group))

    def size(self, name: str) -> int:
        """The number of weights of a set."""
        return next(group.size for group in self.groups if group.name == name)

    def _drop(
        self, found: Sequence[Figures], golden: float, confidence: float = 0.95
    ) -> Estimate | None:
        if not found:
            return None
        mean = stratified_mean([Cell(each, _ENDLESS) for each in found], confidence)
        # Rounded, so that an unchanged figure is printed as zero.
        return mean.map(lambda share: round(100 * (golden - share), 9) + 0.0, "points")


def more_lost(one: Estimate | None, other: Estimate | None) -> Estimate | None:
    """Points lost in one case minus those lost in another that was measured independently."""
    if one is None or other is None:
        return None
    return difference(one, other).map(lambda points: points, "points")


def selected_groups(
    design: WeightGroupDesign,
    groups: Sequence[WeightGroup],
    golden: float,
    plain: Mapping[tuple[str, str, int], Figures],
) -> tuple[str, ...]:
    """Sets whose mean accuracy is too low under most flips in the exposed field.

    Of a set that has too few bits of this field, flips in all its bits decide.
    """
    found = []
    for group in groups:
        for field in (design.exposed, design.whole):
            accuracies = plain.get((group.name, field, max(design.counts)))
            if accuracies is not None:
                if 100 * (golden - float(accuracies.mean())) > design.tolerated:
                    found.append(group.name)
                break
    return tuple(found)
