"""How is a study of the outcomes of faults in weights run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.networks import Network
from radhard.studies.outcomes.outcome_campaigns import measure_outcomes
from radhard.studies.outcomes.outcome_design import OutcomeDesign
from radhard.studies.outcomes.outcome_findings import OutcomeFindings
from radhard.studies.outcomes.outcome_section import outcome_section
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["OutcomeStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class OutcomeStudy(Study[OutcomeFindings]):
    """A count of the outcomes of faults, by set of weights and protection."""

    design: OutcomeDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> OutcomeFindings:
        return measure_outcomes(self.name, self.design, network, plan)

    def section(self, network: Network, findings: OutcomeFindings) -> NetworkSection:
        return outcome_section(self.name, self.design, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the trials: they hold for these samples and these trained "
            "weights."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        return {
            "runs": self._runs(plan),
            "further runs": 0 if plan.quick else self._runs(plan) * self.design.further,
            "rates": {
                reading: list(self.design.rates_of(reading, quick=plan.quick))
                for reading in self.design.rates
            },
        }

    def amount(self, plan: Plan) -> str:
        runs, further = self._runs(plan), 0 if plan.quick else self.design.further
        text = f"{runs:,} trials at each rate"
        if further:
            text += f", {runs * further:,} more at the highest rate per weight"
        return f"{text} (the paper: {self.design.runs:,})"

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs
