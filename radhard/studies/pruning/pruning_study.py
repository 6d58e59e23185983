"""How is a study of pruning run and presented?"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, final

from radhard.studies.networks import Network
from radhard.studies.pruning.cuts import measure_cuts
from radhard.studies.pruning.pruning_design import PruningDesign
from radhard.studies.pruning.pruning_findings import PruningFindings
from radhard.studies.pruning.pruning_section import pruning_section
from radhard.studies.study import NetworkSection, Plan, Study

__all__ = ["PruningStudy"]


@final
@dataclass(frozen=True, kw_only=True)
class PruningStudy(Study[PruningFindings]):
    """A comparison of rankings by which channels are pruned; no fault is injected."""

    design: PruningDesign

    def measure(self, network: Network, plan: Plan) -> PruningFindings:
        return measure_cuts(self.design, network, plan)

    def section(self, network: Network, findings: PruningFindings) -> NetworkSection:
        return pruning_section(self.name, self.design, network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the test images, each of which is a trial; differences "
            "are taken image by image. They say what the networks that were cut do on other "
            "images of the kind, not what another training or another draw would give."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        del plan  # every test image is evaluated, whatever it says
        return {
            "tuning": asdict(self.design.tuning),
            "scored": self.design.scored,
            "rankings": {
                ranking.name: ranking.by if isinstance(ranking.by, str) else repr(ranking.by)
                for ranking in self.design.rankings
            },
        }
