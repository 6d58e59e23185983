"""How is a study of networks under bit error rates run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.error_rates.campaigns import measure_variants
from radhard.studies.error_rates.error_rate_design import ErrorRateDesign
from radhard.studies.error_rates.error_rate_findings import ErrorRateFindings
from radhard.studies.error_rates.error_rate_section import error_rate_section
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["ErrorRateStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class ErrorRateStudy(Study[ErrorRateFindings]):
    """A comparison of protected networks under faults at bit error rates."""

    design: ErrorRateDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "timed", "workers"})

    def measure(self, network: Network, plan: Plan) -> ErrorRateFindings:
        return measure_variants(self.name, self.design, network, plan)

    def section(self, network: Network, findings: ErrorRateFindings) -> NetworkSection:
        return error_rate_section(self.name, self.design, network, findings)

    def intervals(self) -> str:
        return "Intervals are 95 % confidence intervals over the trials."

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        scores = self.design.scores
        return {
            "runs": self._runs(plan),
            "format": repr(self.design.format),
            "scores": None if scores is None else repr(scores),
        }

    def amount(self, plan: Plan) -> str:
        return f"{self._runs(plan):,} trials at each rate"

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs
