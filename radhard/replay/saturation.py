"""Where does a changed parameter go into nothing but gates, which saturate?"""

from collections.abc import Collection, Iterator
from typing import Any

import torch

from radhard.replay import recurrent
from radhard.replay.graph.operation_graph import Graph, Node, Slot

__all__ = ["saturates"]

aten: Any = torch.ops.aten

_GATES = {aten.sigmoid.default, aten.tanh.default, aten.softmax.int}
"""Bounded functions of sums, of which a row that holds infinities and no NaN is as good as one that
holds huge numbers, or is NaN in any order of summation."""

_MOVING = {aten.slice.Tensor, aten.select.int, recurrent.reversed_steps}


def saturates(graph: Graph, slots: Collection[int], uses: Collection[int]) -> bool:
    """Whether one changed word of a parameter makes nothing but gates of an LSTM, or such, differ.

    ``slots`` hold the parameter, ``uses`` are the slots of the outputs of linear layers if these
    alone use it. Of the terms of a gate's sum a single one can overflow, if the value itself is
    finite: it does so in any order, and never meets an infinity of the other sign. In a GRU one sum
    is multiplied by a gate, and a state whose update gate is shut is nothing but rounding, of which
    a huge weight would make something.
    """
    if uses:
        seen: list[int] = []
        inside = all(_into_gates(graph, slot, seen) for slot in uses)
        # In the sum of two values that both depend on the parameter two infinities may meet.
        return inside and len(seen) == len(set(seen))
    nodes = [node for slot in slots for node in _users(graph, slot)]
    return len(nodes) == 1 and _into_lstm(graph, nodes[0])


def _into_lstm(graph: Graph, node: Node) -> bool:
    if node.op is recurrent.lstm:
        return True
    if node.op not in (aten.embedding.default, recurrent.reversed_steps):
        return False
    users = list(_users(graph, node.slot))
    # As an input: a weight that differs is another node's.
    inside = all(user.args[0] == Slot(node.slot) for user in users)
    return inside and node.slot != graph.output and all(_into_lstm(graph, user) for user in users)


def _into_gates(graph: Graph, slot: int, seen: list[int]) -> bool:
    """Whether a value goes into gates alone; ``seen`` receives it and what is computed before."""
    seen.append(slot)
    if slot == graph.output:
        return False
    for node in _users(graph, slot):
        if node.op in _GATES:
            continue
        added = node.op is aten.add.Tensor and not node.kwargs and len(set(node.inputs)) == 2
        if not (added or node.op in _MOVING) or not _into_gates(graph, node.slot, seen):
            return False
    return True


def _users(graph: Graph, slot: int) -> Iterator[Node]:
    return (node for node in graph.nodes if slot in node.inputs)
