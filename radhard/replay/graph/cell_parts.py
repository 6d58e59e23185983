"""Which operations does a recurrent cell consist of, that a model calls step by step?"""

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch.fx.node import map_aggregate

from radhard.replay.graph.operation_graph import Graph, Node, Slot

__all__ = ["with_cells_in_parts"]

aten: Any = torch.ops.aten


def with_cells_in_parts(graph: Graph) -> Graph:
    """The graph with torch's cells as the linear layers and gates that they compute.

    Of a whole cell it is not known what a change of its weights does, nor that rows are
    independent. The parts are those of torch on a CPU, in their order, to the last bit.
    """
    users = graph.users()
    fresh = max([*graph.constants, *graph.inputs, *(node.slot for node in graph.nodes)]) + 1
    nodes: list[Node] = []
    by_sample, gone = set(graph.by_sample), set[int]()
    for node in graph.nodes:
        several = node.op is aten.lstm_cell.default
        parts = [graph.nodes[at] for at in users.get(node.slot, [])] if several else [node]
        whole = several and any(part.op is not operator.getitem for part in parts)
        # The weights of the state tell how many units there are.
        stored = node.op in _CELLS and node.args[3].number in graph.constants
        if not stored or node.kwargs or whole:
            nodes += [] if node.slot in gone else [node]
            continue
        cell = _Cell(node, fresh, graph.constants[node.args[3].number].shape[1])
        outputs = _CELLS[node.op](cell, *node.args)
        fresh += len(cell.made)
        # What is used elsewhere keeps its slot.
        slots = [part.slot for part in parts]
        names = {outputs[part.args[1] if several else 0].number: part.slot for part in parts}
        made = [_renamed(one, names) for one in cell.made]
        nodes += made
        gone.update(slots)
        if by_sample.issuperset(slots):
            by_sample.update(one.slot for one in made)
    kept = {*graph.inputs, *(node.slot for node in nodes)}
    return replace(graph, nodes=nodes, by_sample=by_sample & kept)


class _Cell:
    """The operations of one cell in one step."""

    def __init__(self, node: Node, fresh: int, units: int) -> None:
        self._node, self._fresh, self._units = node, fresh, units
        self.made: list[Node] = []

    def add(self, op: Any, *args: Any) -> Slot:
        """An operation; the slot of what it computes."""
        slot = self._fresh + len(self.made)
        self.made.append(Node(slot, op, args, {}, self._node.modules, self._node.calls))
        return Slot(slot)

    def sums(self, inputs: Slot, state: Slot, *weights: Any) -> tuple[Slot, Slot]:
        """The linear layers of the state and of the inputs."""
        of_inputs, of_state, *biases = weights
        bias, bias_of_state = [*biases, None, None][:2]
        hidden = self.add(aten.linear.default, state, of_state, bias_of_state)
        return hidden, self.add(aten.linear.default, inputs, of_inputs, bias)

    def gate(self, sums: Slot, number: int) -> Slot:
        """The sums of one of the gates, which lie side by side."""
        return self.add(
            aten.slice.Tensor, sums, 1, number * self._units, (number + 1) * self._units
        )


def _lstm(cell: _Cell, inputs: Slot, states: list[Slot], *weights: Any) -> list[Slot]:
    state, memory = states
    gates = cell.add(aten.add.Tensor, *cell.sums(inputs, state, *weights))
    enter, forget, new, leave = (cell.gate(gates, number) for number in range(4))
    enter, forget = cell.add(aten.sigmoid.default, enter), cell.add(aten.sigmoid.default, forget)
    new, leave = cell.add(aten.tanh.default, new), cell.add(aten.sigmoid.default, leave)
    kept = cell.add(aten.mul.Tensor, forget, memory)
    added = cell.add(aten.mul.Tensor, enter, new)
    memory = cell.add(aten.add.Tensor, kept, added)
    return [cell.add(aten.mul.Tensor, leave, cell.add(aten.tanh.default, memory)), memory]


def _gru(cell: _Cell, inputs: Slot, state: Slot, *weights: Any) -> list[Slot]:
    hidden, given = cell.sums(inputs, state, *weights)
    reset, update = (
        cell.add(
            aten.sigmoid.default,
            cell.add(aten.add.Tensor, cell.gate(hidden, at), cell.gate(given, at)),
        )
        for at in range(2)
    )
    kept = cell.add(aten.mul.Tensor, cell.gate(hidden, 2), reset)
    new = cell.add(aten.tanh.default, cell.add(aten.add.Tensor, cell.gate(given, 2), kept))
    left = cell.add(aten.mul.Tensor, cell.add(aten.sub.Tensor, state, new), update)
    return [cell.add(aten.add.Tensor, left, new)]


def _plain(activation: Any) -> Callable[..., list[Slot]]:
    def parts(cell: _Cell, inputs: Slot, state: Slot, *weights: Any) -> list[Slot]:
        return [
            cell.add(activation, cell.add(aten.add.Tensor, *cell.sums(inputs, state, *weights)))
        ]

    return parts


_CELLS: dict[Any, Callable[..., list[Slot]]] = {
    aten.lstm_cell.default: _lstm,
    aten.gru_cell.default: _gru,
    aten.rnn_tanh_cell.default: _plain(aten.tanh.default),
    aten.rnn_relu_cell.default: _plain(aten.relu.default),
}


def _renamed(node: Node, names: dict[int, int]) -> Node:
    def renamed(part: Any) -> Any:
        return Slot(names.get(part.number, part.number)) if isinstance(part, Slot) else part

    slot = names.get(node.slot, node.slot)
    return replace(node, slot=slot, args=map_aggregate(node.args, renamed))
