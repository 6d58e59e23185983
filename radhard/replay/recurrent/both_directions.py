"""How is a recurrent layer in two directions made of layers in one?"""

import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Graph, Node, Slot
from radhard.replay.recurrent.recurrent_rules import gru, lstm

__all__ = ["RULES", "one_direction_each", "reversed_steps"]

aten: Any = torch.ops.aten


def reversed_steps(values: Tensor) -> Tensor:
    """A sequence ``(samples, steps, features)`` from its end."""
    return values.flip(1)


def one_direction_each(graph: Graph) -> Graph:
    """The graph with a layer in two directions as layers that take single steps.

    The second of each two is given the sequence from its end. Only layers that `recurrent_nodes`
    would also take step by step if they had one direction; others stay as they are.
    """
    by_slot = {node.slot: node for node in graph.nodes}
    for node in list(graph.nodes):
        if node.op in (aten.lstm.input, aten.gru.input) and len(node.args) == 9:
            changed = _changed(graph, node, by_slot)
            graph = graph if changed is None else changed
    return graph


def _changed(graph: Graph, node: Node, by_slot: Mapping[int, Node]) -> Graph | None:
    """The graph with one layer changed; None if it has one direction, or cannot be."""
    source, start, weights, biased, many, _, training, both_ways, samples_first = node.args
    starts = start if isinstance(start, list | tuple) else [start]
    begins = [by_slot.get(slot.number) for slot in starts]
    each = 4 if biased else 2
    parts = [one for one in graph.nodes if node.slot in one.inputs]
    used = graph.used()
    live = [part for part in parts if part.slot in used]
    found = {part.args[1]: part for part in live if part.op is operator.getitem}
    if (
        not both_ways
        or training
        or not samples_first
        or source.number not in graph.by_sample
        or len(weights) != 2 * many * each
        or graph.constants[weights[0].number].dtype not in (torch.float32, torch.float64)
        or any(begin is None or begin.op is not aten.zeros.default for begin in begins)
        or len(found) != len(live)
        or not found.keys() <= {0, 1}
        or graph.output in {part.slot for part in parts}
    ):
        return None
    # The last states of all layers and directions, of which each user has to take one.
    ends = [one for one in graph.nodes if 1 in found and found[1].slot in one.inputs]
    if any(end.op is not aten.select.int or end.args[1] != 0 for end in ends):
        return None
    fresh = max([*graph.constants, *graph.inputs, *(one.slot for one in graph.nodes)]) + 1
    op = lstm if node.op is aten.lstm.input else gru
    made: list[Node] = []

    def add(what: Any, *args: Any, slot: int | None = None) -> Slot:
        number = fresh + len(made) if slot is None else slot
        made.append(Node(number, what, args, {}, node.modules, node.calls))
        return Slot(number)

    last: list[Slot] = []
    for layer in range(many):
        # torch lists the weights layer by layer, those of the direction from the end second.
        at = 2 * layer * each
        forward = add(op, source, *weights[at : at + each], False)
        flipped = add(reversed_steps, source)
        backward = add(op, flipped, *weights[at + each : at + 2 * each], False)
        last += [forward, backward]
        if layer < many - 1 or 0 in found:
            # The states of the second direction go back into the order of the sequence.
            both = [forward, add(reversed_steps, backward)]
            slot = found[0].slot if layer == many - 1 else None
            source = add(aten.cat.default, both, 2, slot=slot)
    instead = {end.slot: replace(end, args=(last[end.args[2]], 1, -1), kwargs={}) for end in ends}
    gone = {node.slot, *(part.slot for part in parts)}
    nodes: list[Node] = []
    for one in graph.nodes:
        if one is node:
            nodes += made
        elif one.slot not in gone:
            nodes.append(instead.get(one.slot, one))
    slots = {one.slot for one in made} | set(instead)
    return replace(graph, nodes=nodes, by_sample=graph.by_sample | slots)


def _whole(state: FaultyPass, node: Node) -> None:
    """The operation itself computes whole values, of each row by itself."""


RULES = {reversed_steps: _whole}
