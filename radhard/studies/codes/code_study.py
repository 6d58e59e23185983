"""How is a study of codes of stored weights run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.codes.code_campaigns import measure_codes
from radhard.studies.codes.code_design import CodeDesign
from radhard.studies.codes.code_findings import CodeFindings
from radhard.studies.codes.code_section import code_section
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["CodeStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class CodeStudy(Study[CodeFindings]):
    """A comparison of codes of stored weights by bits, decoding time and the harm that is left."""

    design: CodeDesign

    uses: ClassVar[frozenset[str]] = frozenset(
        {"runs", "images", "store", "timed", "quick", "workers"}
    )

    def measure(self, network: Network, plan: Plan) -> CodeFindings:
        return measure_codes(self.name, self.design, network, plan)

    def section(self, network: Network, findings: CodeFindings) -> NetworkSection:
        return code_section(self.name, self.design, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the trials (of times: over the turns); the images and the "
            "weights are given. Those of tolerable rates and their ratios are percentile "
            "bootstraps."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        return {
            "runs": self._runs(plan),
            "single faults": self.design.single_of(quick=plan.quick),
            "increase": self.design.rates.increase,
            "rates": list(self.design.rates.rates_of(quick=plan.quick)),
        }

    def amount(self, plan: Plan) -> str:
        rates = self.design.rates.rates_of(quick=plan.quick)
        single = self.design.single_of(quick=plan.quick)
        return (
            f"{self._runs(plan):,} trials at each of {len(rates)} rates from {rates[0]:g} to "
            f"{rates[-1]:g} and {single:,} trials of one fault"
        )

    def _runs(self, plan: Plan) -> int:
        return self.design.rates.runs if plan.runs is None else plan.runs
