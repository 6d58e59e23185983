"""What would a campaign find in a fault space whose every fault has been tried?"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from torch import nn

from radhard.caps import FaultCaps
from radhard.group_labels import labels
from radhard.groups import Groups
from radhard.injection import Directions
from radhard.samplers import (
    Sampler,
    StageDraw,
    StagedSampler,
    StagedTrials,
    StageResults,
    TrialDirections,
    Trials,
)
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.fault_classes import CapClasses, FaultClasses
from radhard.space import FaultSpace, Numbers
from radhard.stats import Estimate, stratified_mean

__all__ = ["SimulatedCampaign", "Simulation"]


class _KnownDirections(Directions):
    """The directions of all faults, computed once."""

    def __init__(self, model: nn.Module, space: FaultSpace) -> None:
        super().__init__(model, space)
        self._all = super().of(np.arange(len(space)))

    def of(self, faults: Numbers) -> npt.NDArray[np.uint8]:
        return self._all[faults]


@dataclass(frozen=True)
class SimulatedCampaign:
    """The trials of a campaign, and its estimates when it stopped."""

    trials: Trials
    estimates: dict[str, Estimate]
    stages: int = 1

    @property
    def half_width(self) -> float:
        """Half the width of the widest interval."""
        return max((e.high - e.low) / 2 for e in self.estimates.values())


@dataclass(frozen=True)
class Simulation:
    """Campaigns whose figures are looked up instead of computed."""

    model: nn.Module
    space: FaultSpace
    harm: npt.NDArray[np.float64]
    """Of every fault, the share of the samples that it harms."""
    caps: FaultCaps | None = None
    """The largest share of the samples that a fault may harm, if it is known."""
    classes: FaultClasses | None = None
    """Other classes of faults than those of caps, such as those of scores."""

    @cached_property
    def census(self) -> FaultCensus:
        """The numbers of faults by direction and class."""
        classes = self.classes if self.caps is None else CapClasses(self.caps)
        return FaultCensus.of(_KnownDirections(self.model, self.space), self.space, classes)

    def truth(self, by: str | None) -> dict[str, float]:
        """The true rate of every group."""
        names, of = np.unique(np.array(labels(self.space, by)), return_inverse=True)
        places, _, variants = self.space.locate(np.arange(len(self.space)))
        group = of[self.space.variant_starts[places] + variants]
        # A label of no fault has no rate.
        count = np.bincount(group, minlength=len(names))
        sums = np.bincount(group, self.harm, minlength=len(names))
        return {
            str(name): float(total / number)
            for name, total, number in zip(names, sums, count, strict=True)
            if number
        }

    def drawn(
        self, sampler: Sampler, seed: int, by: str | None, confidence: float
    ) -> SimulatedCampaign:
        """One campaign of a sampler whose trials do not depend on their results."""
        trials = sampler.informed(self.model, self.space).draw(self.space, seed)
        numbers = np.arange(len(trials))
        faults = trials.at(numbers)
        # As `run` records them, so that trials are post-stratified as those of a campaign are.
        census = self.census
        trials.directions = TrialDirections(census.by_direction, census.directions.of(faults))
        groups = Groups(self.space, trials, numbers, by, faults=faults)
        found = {
            key: stratified_mean(groups.cells(parts, self.harm[faults]), confidence)
            for key, parts in groups.split()
        }
        return SimulatedCampaign(trials, found)

    def run(self, sampler: StagedSampler, draw: StageDraw) -> SimulatedCampaign:
        """One campaign; ``draw`` has its seed."""
        stages = [sampler.first_stage(draw)]
        while True:
            trials = draw.trials(stages)
            values = self.harm[trials.at(np.arange(len(trials)))]
            estimates = self.estimates(sampler, trials, values)
            following = sampler.next_stage(draw, trials, StageResults(values, estimates))
            if following is None:
                return SimulatedCampaign(trials, estimates, len(stages))
            stages.append(following)

    def estimates(
        self, sampler: StagedSampler, trials: StagedTrials, values: npt.NDArray[np.float64]
    ) -> dict[str, Estimate]:
        """The estimates of all groups, as `Results` computes them."""
        groups = Groups(self.space, trials, np.arange(len(trials)), sampler.by)
        capped = self.caps is not None
        found = {
            key: stratified_mean(groups.cells(parts, values, capped=capped), sampler.confidence)
            for key, parts in groups.split(capped=capped)
        }
        limits = sampler.anytime(trials, values, sampler.confidence, capped=capped)
        if limits is None:
            return found
        low, high, value = *limits, found[""].value
        return {"": replace(found[""], low=min(low, value), high=max(high, value))}
