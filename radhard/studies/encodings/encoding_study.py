"""How is a study of encodings of weights run and presented?"""

from collections.abc import Mapping, Sequence
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
            "Intervals are 95 % confidence intervals "
            "over the trials: they hold for these test samples and these "
            "trained weights. Those of tolerable rates and their ratios are percentile bootstraps."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design, whole = self.design, not plan.quick
        return {
            "runs": self._runs(plan),
            "increase": design.increase,
            "rates": list(design.rates_of(quick=plan.quick)),
            "rates beyond": list(design.beyond) if whole else [],
            "runs near": self._runs(plan) * design.near if whole else 0,
            "runs near, paired": self._runs(plan) * design.near_paired if whole else 0,
        }

    def amount(self, plan: Plan) -> str:
        design = self.design
        text = f"{self._runs(plan):,} trials at each of {_span(design.rates_of(quick=plan.quick))}"
        if plan.quick:
            return text
        if design.beyond:
            text += f", and of {_span(design.beyond)} where these may be tolerated"
        if design.near_paired:
            first, others = (self._runs(plan) * n for n in (design.near_paired, design.near))
            text += (
                f", and at up to {design.most} rates near the tolerable one {first:,} more in the "
                f"first {design.paired} encodings, {others:,} more in the others"
            )
        return text

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs


def _span(rates: Sequence[float]) -> str:
    return f"{len(rates)} rates from {rates[0]:g} to {rates[-1]:g}"
