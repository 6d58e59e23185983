"""How is a study of selective protection run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.guided.guided_ecc_campaigns import measure_guided_ecc
from radhard.studies.guided.guided_ecc_design import GuidedEccDesign
from radhard.studies.guided.guided_ecc_findings import GuidedEccFindings
from radhard.studies.guided.guided_ecc_section import guided_ecc_section
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["GuidedEccStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class GuidedEccStudy(Study[GuidedEccFindings]):
    """Protection of the words that a forest predicts to be critical, in several formats."""

    design: GuidedEccDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> GuidedEccFindings:
        return measure_guided_ecc(self.name, self.design, network, plan)

    def section(self, network: Network, findings: GuidedEccFindings) -> NetworkSection:
        return guided_ecc_section(self.name, self.design, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the flips; the images, the weights and the forests are "
            "given. Those of areas are percentile bootstraps over words. Accuracies, and the words "
            "that a given forest chooses, are counted."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design = self.design
        return {
            "runs": plan.runs,
            "quick": plan.quick,
            "tolerance": design.tolerance,
            "loosest tolerance": design.loosest,
            "trees": design.trees,
            "folds": design.folds,
            "formats": {name: repr(format) for name, format in design.formats.items()},
        }

    def amount(self, plan: Plan) -> str:
        if plan.runs is not None:
            return f"{plan.runs:,} flips to learn from and as many to verify, in each format"
        return "quick: one in 20 flips" if plan.quick else ""
