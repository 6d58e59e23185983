"""What is prepared once for all trials of a campaign?"""

from collections.abc import Collection
from dataclasses import dataclass

from radhard.engines.base import Campaign, Figures
from radhard.engines.replay.plain import Plain
from radhard.engines.serial import Reference
from radhard.metrics import Panel
from radhard.replay.graph import Graph
from radhard.replay.replayer import Replayer

__all__ = ["ReplayPlan"]

_WAITING = 2**27
"""Elements of the values that wait for others, at most."""


@dataclass
class ReplayPlan:
    """The replayer of a campaign's model, and how the outputs of its trials are judged."""

    campaign: Campaign
    replayer: Replayer
    plain: Plain | None = None
    """The model's own operations, for what depends on their order; None where they do not fit."""

    def __post_init__(self) -> None:
        self.reference = Reference(self.campaign)
        panel, outputs = self.campaign.panel, self.replayer.golden_outputs
        self.panel = Panel(panel.metrics, outputs, panel.golden.labels)
        self.unharmed: Figures = self.panel.score(outputs.unsqueeze(0))[0]

    @classmethod
    def of(
        cls,
        campaign: Campaign,
        graph: Graph,
        places: Collection[int],
        memory: int,
        *,
        plain: Plain | None = None,
    ) -> "ReplayPlan":
        """A plan for faults in some sites, at which nothing is folded.

        Raises:
            NoGraphError: the graph gives other outputs than the model.
        """
        replayer = Replayer.of(
            campaign.workload,
            campaign.space.sites,
            graph=graph,
            golden=campaign.panel.golden.outputs,
            memory=memory,
            unfolded=places,
            hidden=[
                at for at, region in enumerate(campaign.space.regions) if region.plane != "codes"
            ],
        )
        return cls(campaign, replayer, plain)

    @property
    def together(self) -> int:
        """How many trials of single samples may wait for each other where the graph is narrow.

        The more, the less each costs; but there should be some chunks for several workers.
        """
        replayer = self.replayer
        largest = max((replayer.sizes.get(slot, 1) for _, slot in replayer.bottlenecks), default=1)
        some = max(1024, min(4096, -(-len(self.campaign.trials) // 4)))
        return max(16, min(some, _WAITING // largest))
