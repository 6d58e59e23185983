"""How is a study of upsets in activations and weights run and presented?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, final

from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.studies.upsets.upset_campaigns import design_of, measure_upsets
from radhard.studies.upsets.upset_design import UpsetDesign
from radhard.studies.upsets.upset_findings import UpsetFindings
from radhard.studies.upsets.upset_section import upset_section

__all__ = ["UpsetStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class UpsetStudy(Study[UpsetFindings]):
    """Errors of activations, transients in activations, and errors that stay in weights."""

    design: UpsetDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> UpsetFindings:
        return measure_upsets(self.name, self.design, network, plan)

    def section(self, network: Network, findings: UpsetFindings) -> NetworkSection:
        return upset_section(self.name, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "and hold for these trained weights and test images: those of "
            "errors of activations are over activations, those of transients over inferences, and "
            "those of errors in weights over histories."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        return {"runs": plan.runs, **asdict(design_of(self.design, plan))}

    def amount(self, plan: Plan) -> str:
        tried = design_of(self.design, plan)
        return (
            f"{tried.activations:,} activations; {tried.passes} passes at each of "
            f"{len(tried.rates)} probabilities; {tried.repeats} histories of {tried.steps} errors, "
            f"{tried.layer_repeats} of {tried.layer_steps} in each layer"
        )
