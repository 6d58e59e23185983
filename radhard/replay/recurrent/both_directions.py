"""How is a recurrent layer in two directions made of layers in one?"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

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


@dataclass(frozen=True)
class _Results:
    """What is used of the results of a layer in two directions."""

    parts: Sequence[Node]
    """The nodes that take a part of the results: the sequence, or the last states."""
    sequence: Node | None
    """The one that takes the sequence, if it is used."""
    ends: Sequence[Node]
    """Those that take one of the last states, of all layers and directions."""

    @classmethod
    def of(cls, graph: Graph, node: Node) -> Self | None:
        """None if the results are used in another way."""
        parts = [one for one in graph.nodes if node.slot in one.inputs]
        used = graph.used()
        live = [part for part in parts if part.slot in used]
        found = {part.args[1]: part for part in live if part.op is operator.getitem}
        if (
            len(found) != len(live)
            or not found.keys() <= {0, 1}
            or graph.output in {part.slot for part in parts}
        ):
            return None
        ends = [one for one in graph.nodes if 1 in found and found[1].slot in one.inputs]
        if any(end.op is not aten.select.int or end.args[1] != 0 for end in ends):
            return None
        return cls(parts, found.get(0), ends)


def _changed(graph: Graph, node: Node, by_slot: Mapping[int, Node]) -> Graph | None:
    """The graph with one layer changed; None if it has one direction, or cannot be."""
    results = _Results.of(graph, node) if _is_both_ways(graph, node, by_slot) else None
    if results is None:
        return None
    made, last = _layers(graph, node, results.sequence)
    instead = {
        end.slot: replace(end, args=(last[end.args[2]], 1, -1), kwargs={}) for end in results.ends
    }
    gone = {node.slot, *(part.slot for part in results.parts)}
    nodes: list[Node] = []
    for one in graph.nodes:
        if one is node:
            nodes += made
        elif one.slot not in gone:
            nodes.append(instead.get(one.slot, one))
    slots = {one.slot for one in made} | set(instead)
    return replace(graph, nodes=nodes, by_sample=graph.by_sample | slots)


def _is_both_ways(graph: Graph, node: Node, by_slot: Mapping[int, Node]) -> bool:
    """Whether a layer has two directions, and is one that is taken step by step."""
    source, start, weights, biased, many, _, training, both_ways, samples_first = node.args
    starts = start if isinstance(start, list | tuple) else [start]
    begins = [by_slot.get(slot.number) for slot in starts]
    return bool(
        both_ways
        and not training
        and samples_first
        and source.number in graph.by_sample
        and len(weights) == 2 * many * (4 if biased else 2)
        and graph.constants[weights[0].number].dtype in (torch.float32, torch.float64)
        and all(begin is not None and begin.op is aten.zeros.default for begin in begins)
    )


def _layers(graph: Graph, node: Node, sequence: Node | None) -> tuple[list[Node], list[Slot]]:
    """The layers in one direction each, and where the last states of each are.

    ``sequence`` takes that of the last layer, if anything does.
    """
    source, _, weights, biased, many, *_ = node.args
    each = 4 if biased else 2
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
        if layer < many - 1 or sequence is not None:
            # The states of the second direction go back into the order of the sequence.
            both = [forward, add(reversed_steps, backward)]
            slot = sequence.slot if sequence is not None and layer == many - 1 else None
            source = add(aten.cat.default, both, 2, slot=slot)
    return made, last


def _whole(state: FaultyPass, node: Node) -> None:
    """The operation itself computes whole values, of each row by itself."""


RULES = {reversed_steps: _whole}
