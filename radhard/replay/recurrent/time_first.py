"""How is a recurrent layer whose inputs have the time in front given the samples first?"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch.fx.node import map_aggregate

from radhard.replay.graph.operation_graph import Graph, Node, Slot

__all__ = ["samples_first"]

aten: Any = torch.ops.aten


def samples_first(graph: Graph) -> Graph:
    """The graph with LSTM and GRU layers that take the samples first, where that is possible.

    It is if the inputs of a layer are the transpose of a value with the samples first, and all that
    uses its outputs are selections of a step, means and sums over the steps, and transposes.
    """
    for node in list(graph.nodes):
        changed = _changed(graph, node)
        if changed is not None:
            graph = changed
    return graph


def _changed(graph: Graph, node: Node) -> Graph | None:
    """The graph with one layer changed; None if it is none, or has other users."""
    layers = (aten.lstm.input, aten.gru.input)
    if node.op not in layers or len(node.args) != 9 or node.args[8]:
        return None
    source = next((one for one in graph.nodes if one.slot == node.args[0].number), None)
    # Inputs that have the time in front by themselves have the samples on the second axis, where no
    # rule looks for them.
    if source is None or not _swaps(source) or source.args[0].number not in graph.by_sample:
        return None
    instead = {node.slot: replace(node, args=(source.args[0], *node.args[1:8], True))}
    same: dict[int, int] = {}
    for sequence in _sequences(graph, node):
        if sequence.slot == graph.output:
            return None
        for user in _users(graph, sequence.slot):
            if _swaps(user):
                same[user.slot] = sequence.slot
                continue
            moved = _along_second_axis(user)
            if moved is None:
                return None
            instead[user.slot] = moved
        graph = replace(graph, by_sample=graph.by_sample | {sequence.slot})

    def renamed(part: Any) -> Any:
        return Slot(same.get(part.number, part.number)) if isinstance(part, Slot) else part

    # The transpose of the inputs would be a step on the way of every difference before it.
    gone = {*same}
    if len(list(_users(graph, source.slot))) == 1 and source.slot != graph.output:
        gone.add(source.slot)
    nodes = [instead.get(one.slot, one) for one in graph.nodes if one.slot not in gone]
    return replace(
        graph,
        nodes=[replace(one, args=map_aggregate(one.args, renamed)) for one in nodes],
        output=same.get(graph.output, graph.output),
    )


def _sequences(graph: Graph, node: Node) -> Iterator[Node]:
    """The nodes that take the outputs of all steps out of what a layer returns."""
    for user in _users(graph, node.slot):
        if user.op is operator.getitem and user.args[1] == 0:
            yield user


def _swaps(node: Node) -> bool:
    """Whether an operation exchanges the first two axes of a value with three."""
    if node.op is aten.transpose.int:
        return set(node.args[1:3]) == {0, 1}
    return node.op is aten.permute.default and list(node.args[1]) == [1, 0, 2]


def _along_second_axis(user: Node) -> Node | None:
    """An operation along the first axis, along the second instead; None if it is another one."""
    one: dict[Callable[..., Any], Any] = {aten.select.int: 0, aten.mean.dim: [0]}
    one[aten.sum.dim_IntList] = [0]
    if user.op not in one or user.args[1] != one[user.op]:
        return None
    return replace(user, args=(user.args[0], 1 if one[user.op] == 0 else [1], *user.args[2:]))


def _users(graph: Graph, slot: int) -> Iterator[Node]:
    return (node for node in graph.nodes if slot in node.inputs)
