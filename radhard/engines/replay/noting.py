"""What should a reader of the results know of how trials were replayed?"""

from collections.abc import Mapping
from typing import Any

import torch

from radhard.engines.base import Campaign
from radhard.engines.replay.graph import Graph
from radhard.engines.replay.plan import Plan

__all__ = ["noted"]

aten: Any = torch.ops.aten


def noted(campaign: Campaign, graph: Graph, plans: Mapping[int, Plan]) -> list[str]:
    """Where the graph is from, how it is computed, and what goes through whole passes instead.

    ``plans`` has the plan for every site, by its place in the space.
    """
    plan = plans[min(plans)]
    order = "channels-last" if plan.channels_last else "the default"
    notes = [
        f"Replay followed faults through the graph of {graph.source}, {len(graph.nodes)} "
        f"operations, in {order} memory order, {_norms(graph) - _norms(plan.graph)} batch norms "
        "folded; sums in another order than in a whole pass may move the last bits of an output, "
        "so that masked and noncritical may trade places."
    ]
    if plan.exact:
        notes.append(
            "Replay computed whole values in 16-bit formats, whose sums differences would not give."
        )
    else:
        through = "Serial()" if plan.plain is None else "the model's own operations, in their order"
        notes.append(
            f"Faults that make a value so large that it may overflow went through {through}."
        )
    for why in dict.fromkeys(plans[place].why_not(place) for place in plans):
        if why:
            names = [
                campaign.space.name(place) for place in plans if plans[place].why_not(place) == why
            ]
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            notes.append(f"Through Serial() went {', '.join(names[:5])}{more}: {why}.")
    return notes


def _norms(graph: Graph) -> int:
    return sum(node.op is aten.batch_norm.default for node in graph.nodes)
