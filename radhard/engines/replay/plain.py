"""What is the exact effect of a fault whose values may overflow?"""

from collections import ChainMap
from typing import Any

import torch
from torch import Tensor

from radhard.engines.base import Campaign, Figures
from radhard.replay.graph import Graph
from radhard.tree import tree_leaves

__all__ = ["Plain"]


class Plain:
    """Starts at the fault too, but executes complete operations, as the model itself does.

    Nothing is folded, converted to another memory format or summed in another order, since overflow
    depends on all of these. The batches are those of the golden outputs.
    """

    def __init__(self, campaign: Campaign, graph: Graph, slots: list[tuple[int, ...]]) -> None:
        self._campaign, self._graph, self._slots = campaign, graph, slots
        self._golden: list[dict[int, Any]] = []
        for _, batch in campaign.workload.data.batches(campaign.workload.batch):
            values = graph.values(tree_leaves(batch))
            self._golden.append({**values, **graph.constants})

    @property
    def faithful(self) -> bool:
        """Whether the outputs of the graph are bitwise equal to those of the model."""
        outputs = torch.cat([values[self._graph.output] for values in self._golden])
        return torch.equal(outputs, self._campaign.panel.golden.outputs)

    def figures(self, place: int, at: tuple[int, ...], value: float) -> Figures:
        """The figures of a trial in which one word of a stored site has another value."""
        parts: list[Tensor] = []
        steps = self._graph.downstream(self._slots[place])
        for golden in self._golden:
            faulty: dict[int, Any] = {}
            for slot in self._slots[place]:
                # Golden values are shared by all trials, and by forked workers.
                faulty[slot] = golden[slot].clone()
                faulty[slot][at] = value
            # In front, so that what is not downstream stays golden.
            values = ChainMap(faulty, golden)
            for step in steps:
                node = self._graph.nodes[step]
                faulty[node.slot] = node(values.__getitem__)
            parts.append(values[self._graph.output])
        return self._campaign.panel.score(torch.cat(parts).unsqueeze(0))
