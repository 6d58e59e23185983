"""What should readers of the results know about how trials are replayed?"""

from collections.abc import Mapping
from typing import Any

import torch

from radhard.engines.base import Campaign
from radhard.engines.replay.plan import ReplayPlan
from radhard.notes import Note
from radhard.replay.graph import Graph

__all__ = ["graph_notes"]

aten: Any = torch.ops.aten


def graph_notes(campaign: Campaign, graph: Graph, plans: Mapping[int, ReplayPlan]) -> list[Note]:
    """Which graph is used, how it is computed, and which faults `Serial` executes instead.

    ``plans`` contains the plan for every site, by its place in the space.
    """
    plan = plans[min(plans)]
    notes = [
        Note(
            "graph",
            {
                "source": graph.source,
                "operations": len(graph.nodes),
                "order": "channels-last" if plan.replayer.channels_last else "the default",
                "norms": _norms(graph) - _norms(plan.replayer.graph),
            },
        )
    ]
    if plan.replayer.exact:
        notes.append(Note("16-bit"))
    else:
        by = "Serial()" if plan.plain is None else "the model's own operations, in their order"
        notes.append(Note("overflow", {"by": by}))
    reasons: dict[str, list[str]] = {}
    for place, one in plans.items():
        if why := _why_not(one, place):
            reasons.setdefault(why, []).append(campaign.space.name(place))
    notes += [Note("serial", {"tensors": names, "why": why}) for why, names in reasons.items()]
    return notes


def _why_not(plan: ReplayPlan, place: int) -> str:
    """Why faults in a region are executed by `Serial`; empty if they are not."""
    if plan.campaign.space.regions[place].plane == "scale":
        return "their faults change a tensor as a whole"
    return plan.replayer.why_not(place)


def _norms(graph: Graph) -> int:
    return sum(node.op is aten.batch_norm.default for node in graph.nodes)
