"""How is a study of faults in sets of weights run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.studies.weight_groups.weight_group_campaigns import measure_weight_groups
from radhard.studies.weight_groups.weight_group_design import WeightGroupDesign
from radhard.studies.weight_groups.weight_group_findings import WeightGroupFindings
from radhard.studies.weight_groups.weight_group_section import weight_group_section

__all__ = ["WeightGroupStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class WeightGroupStudy(Study[WeightGroupFindings]):
    """Flips in each set of weights of recurrent networks, and a code for the sets that need it."""

    design: WeightGroupDesign

    uses: ClassVar[frozenset[str]] = frozenset(
        {"runs", "images", "store", "timed", "quick", "workers"}
    )

    def measure(self, network: Network, plan: Plan) -> WeightGroupFindings:
        return measure_weight_groups(self.name, self.design, network, plan)

    def section(self, network: Network, findings: WeightGroupFindings) -> NetworkSection:
        return weight_group_section(self.name, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the trials (of times: over the turns; of the accuracy "
            "without faults: over test samples); the test samples of the campaigns and the weights "
            "are given. Differences between sets of weights combine the intervals of two "
            "independent means; differences by the code are paired, trial by trial."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design = self.design
        return {
            "runs": design.trials_of(plan),
            "trials of protected sets": design.precise_of(plan),
            "images": plan.images,
            "counts": list(design.counts),
            "rates": list(design.rates),
            "tolerated points": design.tolerated,
        }

    def amount(self, plan: Plan) -> str:
        counts = ", ".join(map(str, self.design.counts))
        return (
            f"{self.design.trials_of(plan):,} trials at each of {counts} flips in each field of "
            f"each set of weights, {self.design.precise_of(plan):,} of each protected set at "
            f"{self.design.judged} flips"
        )
