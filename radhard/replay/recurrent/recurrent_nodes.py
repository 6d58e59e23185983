"""Which recurrent layers of a graph can be taken step by step?"""

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.fx.node import map_aggregate

from radhard.replay.graph.operation_graph import Graph, Node, Slot
from radhard.replay.recurrent.both_directions import one_direction_each
from radhard.replay.recurrent.recurrent_rules import gru, lstm
from radhard.replay.recurrent.time_first import samples_first
from radhard.targets import Site

__all__ = ["separate_recurrent_layers", "state_node"]

aten: Any = torch.ops.aten

_STATE = re.compile(r"(?:\(model\))?:[hc]_l(\d+(?:_reverse)?)")
"""The state of a layer in a site's name, after the name of its module."""


def separate_recurrent_layers(graph: Graph) -> Graph:
    """The graph with LSTM and GRU layers as operations of their own, which take single steps.

    Only those without a projection, samples first (or made so), that start from zero and whose
    states (not an LSTM's memory) alone are used; others stay as they are.
    """
    graph = one_direction_each(samples_first(graph))
    by_slot = {node.slot: node for node in graph.nodes}
    for node in list(graph.nodes):
        layers = _layers(graph, node, by_slot)
        if layers is not None:
            graph = _unfolded(graph, layers)
    return graph


def state_node(graph: Graph, site: Site) -> Node | None:
    """The operation that computes a hidden or cell state of every sample, step by step.

    None if there is none, as of a layer that stays as it is, or if it is not the only one.
    """
    found = _STATE.fullmatch(site.name.removeprefix(site.layer))
    if site.axis is None or site.calls > 1 or len(site.shape) != 2 or found is None:
        return None
    weight = graph.tensors.get(f"{site.layer}.weight_ih_l{found[1]}".removeprefix("."))
    layers = [node for node in graph.nodes if node.op in (lstm, gru)]
    nodes = [node for node in layers if node.args[1].number == weight]
    return nodes[0] if len(nodes) == 1 else None


@dataclass(frozen=True)
class _Layers:
    """A recurrent node: its operation, its weights by layer, and the nodes that use its results."""

    node: Node
    op: Any
    weights: tuple[tuple[Slot, ...], ...]
    sequence: Node | None
    states: Node | None
    gone: tuple[int, ...]


def _layers(graph: Graph, node: Node, by_slot: Mapping[int, Node]) -> _Layers | None:
    if node.op not in (aten.lstm.input, aten.gru.input) or len(node.args) != 9:
        return None
    inputs, start, weights, biased, many, _, training, both_ways, samples_first = node.args
    starts = start if isinstance(start, list | tuple) else [start]
    begins = [by_slot.get(slot.number) for slot in starts]
    each = 4 if biased else 2
    dtype = graph.constants[weights[0].number].dtype
    if (
        training
        or both_ways
        or not samples_first
        or inputs.number not in graph.by_sample
        or len(weights) != many * each
        or dtype not in (torch.float32, torch.float64)
        or any(begin is None or begin.op is not aten.zeros.default for begin in begins)
    ):
        return None
    # A layer returns a tuple, whose parts are taken out by getitem: all states, last states,
    # memories.
    parts = list(_users(graph, node.slot))
    live = [part for part in parts if part.slot == graph.output or any(_users(graph, part.slot))]
    if any(part.op is not operator.getitem or part.args[1] > 1 for part in live):
        return None
    found = {part.args[1]: part for part in live}
    if len(found) != len(live) or graph.output in {part.slot for part in parts}:
        return None
    if 1 in found and any(_layer_of(user, many) is None for user in _users(graph, found[1].slot)):
        return None
    return _Layers(
        node,
        lstm if node.op is aten.lstm.input else gru,
        tuple(tuple(weights[at : at + each]) for at in range(0, len(weights), each)),
        found.get(0),
        found.get(1),
        (node.slot, *(part.slot for part in parts)),
    )


def _unfolded(graph: Graph, layers: _Layers) -> Graph:
    """The graph with a node for each of the layers."""
    states = [] if layers.states is None else list(_users(graph, layers.states.slot))
    top = len(layers.weights) - 1
    ends, whole, passed = _ends(graph, layers)
    ends += [user for user in states if _layer_of(user, top + 1) == top]
    # Where only the last step is used, the node outputs that alone: a whole sequence of states, of
    # all rows, would be kept and compared for nothing.
    last_only = not whole and bool(ends)
    fresh = max([*graph.constants, *graph.inputs, *(node.slot for node in graph.nodes)]) + 1
    source, made, slots = layers.node.args[0], [], []
    for number, weights in enumerate(layers.weights):
        slot, modules = fresh + number, layers.node.modules
        # Only the layer at the top is read by others; those below hand their sequence up.
        if number == top and last_only:
            slot, modules = ends[0].slot, ends[0].modules
        elif number == top and layers.sequence is not None:
            slot = layers.sequence.slot
        final = number == top and last_only
        made.append(Node(slot, layers.op, (source, *weights, final), {}, modules))
        slots.append(slot)
        source = Slot(slot)
    instead = {}
    for user in states:
        layer = _layer_of(user, top + 1)
        assert layer is not None
        if not (layer == top and last_only):
            end = (Slot(slots[layer]), 1, -1)
            instead[user.slot] = replace(user, op=aten.select.int, args=end, kwargs={})
    same = {end.slot: slots[top] for end in ends} if last_only else {}
    gone = {*layers.gone, *same, *(passed if last_only else ())}

    def renamed(part: Any) -> Any:
        return Slot(same.get(part.number, part.number)) if isinstance(part, Slot) else part

    nodes = []
    for node in graph.nodes:
        if node.slot == layers.node.slot:
            nodes += made
        elif node.slot not in gone:
            node = instead.get(node.slot, node)
            nodes.append(replace(node, args=map_aggregate(node.args, renamed)))
    return replace(
        graph,
        nodes=nodes,
        output=same.get(graph.output, graph.output),
        by_sample=graph.by_sample | set(slots) | set(instead),
    )


def _ends(graph: Graph, layers: _Layers) -> tuple[list[Node], bool, list[int]]:
    """Selections of the last step, whether the sequence is used otherwise too, slots of copies."""
    if layers.sequence is None:
        return [], False, []
    ends: list[Node] = []
    inside = set(layers.sequence.modules[:-1])
    reached, whole = [layers.sequence], layers.sequence.slot == graph.output
    for node in reached:
        for user in _users(graph, node.slot):
            if user.op is aten.slice.Tensor and user.args[1:] == (0, 0, 2**63 - 1):
                reached.append(user)
                whole |= user.slot == graph.output
            elif user.op is aten.select.int and user.args[1:] == (1, -1):
                ends.append(user)
                # Where a module's output is the sequence, the sequence must stay in the graph.
                whole |= not inside <= set(user.modules)
            else:
                whole = True
    return ends, whole, [node.slot for node in reached]


def _layer_of(user: Node, many: int) -> int | None:
    """The layer whose last state is taken out of ``(layers, samples, hidden)``."""
    if user.op is aten.select.int and user.args[1] == 0:
        number: int = user.args[2] % many
        return number
    if user.op is aten.squeeze.dim and user.args[1] == 0 and many == 1:
        return 0
    return None


def _users(graph: Graph, slot: int) -> Iterator[Node]:
    return (node for node in graph.nodes if slot in node.inputs)
