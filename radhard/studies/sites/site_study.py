"""How is a study of the sites of a network run and presented?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from radhard.studies.networks import Network
from radhard.studies.sites.site_campaigns import measure_sites
from radhard.studies.sites.site_design import SiteDesign
from radhard.studies.sites.site_findings import SiteFindings
from radhard.studies.sites.site_section import site_section
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["SiteStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class SiteStudy(Study[SiteFindings]):
    """A comparison of the sites of a network by the error rates that they tolerate."""

    design: SiteDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> SiteFindings:
        return measure_sites(self.name, self.design, network, plan)

    def section(self, network: Network, findings: SiteFindings) -> NetworkSection:
        return site_section(self.name, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the trials: they hold for these test samples and these "
            "trained weights, or training seeds. They are percentile bootstraps."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design, training = self.design, self.design.training
        return {
            "runs": plan.runs,
            "increases": list(design.increases),
            "training": {
                "runs": training.runs if plan.runs is None else plan.runs,
                "seeds": list(training.seeds),
                "steps": training.steps,
                "batch": training.batch,
                "learning rate": training.learning_rate,
                "increase": design.training_increase,
            },
            "faults": [
                {
                    "name": each.name,
                    "fault": repr(each.fault),
                    "format": repr(each.format),
                    "per": each.design.per,
                    "rates": list(each.design.rates_of(quick=plan.quick)),
                    "runs": each.design.runs if plan.runs is None else plan.runs,
                    "runs near, times": 0 if plan.quick else each.design.near,
                    "rates in training": list(each.training_rates),
                }
                for each in design.faults
            ],
        }

    def amount(self, plan: Plan) -> str:
        first, training = self.design.faults[0].design, self.design.training
        runs = first.runs if plan.runs is None else plan.runs
        text = f"{runs:,} trials at each rate"
        if not plan.quick:
            text += f", {runs * first.near:,} more at up to {first.most} near the tolerable one"
        return f"{text}, {training.runs if plan.runs is None else plan.runs} trainings at each rate"
