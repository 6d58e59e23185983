"""How is a study of encodings of weights run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.encodings.encoding_campaigns import measure_encodings
from radhard.studies.encodings.encoding_design import EncodingDesign
from radhard.studies.encodings.encoding_findings import EncodingFindings
from radhard.studies.encodings.encoding_section import encoding_section
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["EncodingStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class EncodingStudy(Study[EncodingFindings]):
    """A comparison of encodings of weights by the bit error rates that they tolerate."""

    design: EncodingDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> EncodingFindings:
        return measure_encodings(self.name, self.design, network, plan)

    def section(self, network: Network, findings: EncodingFindings) -> NetworkSection:
        return encoding_section(self.name, self.design, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are of 95 %, over the trials; the images and the weights are given. Those "
            "of tolerable rates and their ratios are percentile bootstraps."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        return {
            "runs": self._runs(plan),
            "increase": self.design.increase,
            "rates": list(self.design.rates_of(quick=plan.quick)),
        }

    def amount(self, plan: Plan) -> str:
        rates = self.design.rates_of(quick=plan.quick)
        span = f"{len(rates)} rates from {rates[0]:g} to {rates[-1]:g}"
        return f"{self._runs(plan):,} trials at each of {span}"

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs
