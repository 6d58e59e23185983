"""What would a staged campaign find in a fault space whose every fault has been tried?"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from torch import nn

from radhard.caps import FaultCaps
from radhard.group_labels import labels
from radhard.groups import Groups
from radhard.injection import Directions
from radhard.samplers import StageDraw, StagedSampler, StagedTrials, StageResults
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.fault_classes import CapClasses
from radhard.space import FaultSpace
from radhard.stats import Estimate, stratified_mean

__all__ = ["Outcome", "Simulation"]


@dataclass(frozen=True)
class Outcome:
    """The trials of a campaign, and its estimates when it stopped."""

    trials: StagedTrials
    estimates: dict[str, Estimate]

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

    @cached_property
    def census(self) -> FaultCensus:
        """The numbers of faults by direction and class of caps."""
        classes = None if self.caps is None else CapClasses(self.caps)
        return FaultCensus.of(Directions(self.model, self.space), self.space, classes)

    def truth(self, by: str | None) -> dict[str, float]:
        """The true rate of every group."""
        table = np.array(labels(self.space, by))
        places, _, variants = self.space.locate(np.arange(len(self.space)))
        names = table[self.space.variant_starts[places] + variants]
        return {str(name): float(self.harm[names == name].mean()) for name in np.unique(names)}

    def run(self, sampler: StagedSampler, draw: StageDraw) -> Outcome:
        """One campaign; ``draw`` has its seed."""
        stages = [sampler.first_stage(draw)]
        while True:
            trials = draw.trials(stages)
            values = self.harm[trials.at(np.arange(len(trials)))]
            estimates = self.estimates(sampler, trials, values)
            following = sampler.next_stage(draw, trials, StageResults(values, estimates))
            if following is None:
                return Outcome(trials, estimates)
            stages.append(following)

    def estimates(
        self, sampler: StagedSampler, trials: StagedTrials, values: npt.NDArray[np.float64]
    ) -> dict[str, Estimate]:
        """The estimates of all groups, as `Results` computes them."""
        groups = Groups(self.space, trials, np.arange(len(trials)), sampler.by)
        capped = self.caps is not None
        found = {
            key: stratified_mean(groups.cells(parts, values, capped=capped), sampler.confidence)
            for key, parts in groups.split()
        }
        limits = sampler.anytime(trials, values, sampler.confidence, capped=capped)
        if limits is None:
            return found
        low, high, value = *limits, found[""].value
        return {"": replace(found[""], low=min(low, value), high=max(high, value))}
