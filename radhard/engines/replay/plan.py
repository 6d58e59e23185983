"""What is prepared once for all trials of a campaign?"""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.engines.base import Campaign, Figures
from radhard.engines.replay.plain import Plain
from radhard.engines.serial import Reference
from radhard.metrics import Panel
from radhard.replay.graph import Graph
from radhard.replay.replayer import Replayer

__all__ = ["ReplayPlan"]

_WAITING = 2**27
"""Maximum number of elements of rows that wait for others at a bottleneck."""


@dataclass
class ReplayPlan:
    """The replayer of a campaign's model, and the metrics for the outputs of its trials."""

    campaign: Campaign
    replayer: Replayer
    plain: Plain | None = None
    """The model's own operations, for trials that depend on their order of summation; None if their
    golden values do not fit in memory or differ from the model's in their last bits."""

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
        """A plan for faults in some sites, whose tensors are not folded.

        Raises:
            NoGraphError: the outputs of the graph differ from those of the model.
        """
        replayer = Replayer.of(
            campaign.workload,
            campaign.space.sites,
            graph=graph,
            golden=campaign.panel.golden.outputs,
            memory=memory,
            unfolded=places,
            hidden=[
                at
                for at, region in enumerate(campaign.space.regions)
                # A scale changes every value of its block, a line several words: no single word
                # differs.
                if region.plane == "scale" or region.fault.span > 1
            ],
        )
        return cls(campaign, replayer, plain)

    def golden_where(self, absent: Tensor | None, outputs: Tensor) -> Tensor:
        """Outputs ``(trials, samples, ...)``, but golden in samples in which the fault is absent.

        Trials of intermittent faults are computed as if the fault were always there: which samples
        it misses has nothing to do with what it does in the others. ``absent`` is that of
        `Campaign.absent`.
        """
        if absent is None:
            return outputs
        alike = absent.reshape(*absent.shape, *[1] * (outputs.ndim - 2))
        return torch.where(alike, self.replayer.golden_outputs, outputs)

    @property
    def together(self) -> int:
        """How many trials of single samples may be joined at the bottlenecks of the graph.

        With more trials each costs less, but there should be enough chunks for several workers.
        """
        replayer = self.replayer
        largest = max((replayer.sizes.get(slot, 1) for _, slot in replayer.bottlenecks), default=1)
        # A quarter of the campaign, where that is neither too few nor too many, so that four
        # workers have a chunk each.
        some = max(1024, min(4096, -(-len(self.campaign.trials) // 4)))
        return max(16, min(some, _WAITING // largest))
