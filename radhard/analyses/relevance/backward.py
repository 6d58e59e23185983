"""How are shares of the model's output propagated back through the graph?"""

from collections.abc import Callable
from operator import add
from typing import Any

from torch import Tensor

from radhard.analyses.relevance.operation_kinds import moving
from radhard.analyses.relevance.operations import Operations
from radhard.replay import Node
from radhard.tree import tree_map

__all__ = ["Rule", "carried_back"]

Rule = Callable[[Node, dict[int, Any], list[int], Any], dict[int, Any]]
"""Maps a node, all values, its moving inputs and the share of its output to their shares."""


def carried_back(
    operations: Operations, values: dict[int, Any], start: Tensor, rule: Rule
) -> dict[int, Tensor]:
    """The share of every layer's output, by slot, if the model's output has ``start``.

    A value that several operations use has the sum of the shares from each. Shares are propagated
    no further than to the first layers.
    """
    graph = operations.graph
    due: dict[int, Any] = {graph.output: start}
    relevance: dict[int, Tensor] = {}
    # Against the order of execution, so that a value has received the shares from all its uses
    # before its own turn.
    for node in reversed(graph.nodes):
        if node.slot not in due:
            continue
        share = due.pop(node.slot)
        if node.slot in operations.layers:
            relevance[node.slot] = share
        slots = moving(node, values, graph.constants)
        if not operations.behind.intersection(slots):
            continue
        for slot, part in rule(node, values, slots, share).items():
            if slot in operations.behind:
                due[slot] = tree_map(add, due[slot], part) if slot in due else part
    return relevance
