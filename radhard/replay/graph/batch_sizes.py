"""How does a graph that was made for one batch size become one for any?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.fx.immutable_collections import immutable_dict, immutable_list

from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError, Slot

__all__ = ["FixedGraph", "for_any_size"]

_NESTED = (tuple, list, dict, immutable_list, immutable_dict)
"""What holds arguments of operations; the last two are what torch.fx makes of lists and dicts."""

_OTHERS = "the model's operations are others for another batch size"


@dataclass(frozen=True)
class FixedGraph:
    """A graph that holds for one batch size, and what it was made from."""

    graph: Graph
    size: int
    lengths: dict[int, int]
    """Of every slot that holds a tensor with axes: the length of the first one."""


@dataclass(frozen=True)
class _Length:
    """A number of the graph that depends on the batch size ``n``: ``factor * n + offset``."""

    factor: float
    offset: float
    whole: bool

    def __call__(self, inputs: Tensor) -> float:
        value = self.factor * len(inputs) + self.offset
        return round(value) if self.whole else value

    @classmethod
    def through(cls, values: Sequence[Any], sizes: Sequence[int]) -> "_Length":
        """The line through the first two values, on which the others have to lie.

        Raises:
            NoGraphError: they do not.
        """
        whole = all(isinstance(value, int) for value in values)
        factor = (values[1] - values[0]) / (sizes[1] - sizes[0])
        found = cls(factor, values[0] - factor * sizes[0], whole)
        for value, size in zip(values, sizes, strict=True):
            exact = found.factor * size + found.offset
            # Two sizes always lie on a line; the third tells a line from anything else.
            if abs(exact - value) > 1e-12 * abs(value):
                raise NoGraphError(
                    "a number in the graph depends on the batch size in no known way"
                )
        return found


def for_any_size(made: Sequence[FixedGraph]) -> Graph:
    """One graph out of three or more that were made for different batch sizes.

    Where a number differs between them, it is computed from the length of the batch. Nothing is
    carried out here: operations that are given wrong sizes may even damage the process.

    Raises:
        NoGraphError: they are not the same operations, or a number is no linear function of the
            batch size.
    """
    first = made[0].graph
    graphs = [one.graph for one in made]
    if any(
        [node.op for node in graph.nodes] != [node.op for node in first.nodes]
        or [node.slot for node in graph.nodes] != [node.slot for node in first.nodes]
        or (graph.output, graph.inputs, graph.tensors)
        != (first.output, first.inputs, first.tensors)
        or graph.constants.keys() != first.constants.keys()
        for graph in graphs
    ):
        raise NoGraphError(_OTHERS)
    for slot, tensor in first.constants.items():
        if not all(_equal(tensor, graph.constants[slot]) for graph in graphs):
            raise NoGraphError("a tensor made in the forward pass depends on the batch size")
    merging = _Merging([one.size for one in made], first)
    nodes = []
    for alike in zip(*(graph.nodes for graph in graphs), strict=True):
        args = merging.merged([node.args for node in alike])
        kwargs = merging.merged([node.kwargs for node in alike])
        nodes.append(replace(alike[0], args=args, kwargs=kwargs))
    by_sample = {
        slot
        for slot, length in made[0].lengths.items()
        # Compared for every size, as a length may equal one batch size by chance.
        if length == made[0].size and all(one.lengths.get(slot) == one.size for one in made)
    }
    return replace(first, nodes=[*merging.nodes, *nodes], by_sample=by_sample)


def _equal(one: Tensor, other: Tensor) -> bool:
    if one is other:
        return True
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.is_floating_point() and one.element_size() == 1:
        # Torch compares no floats of 8 bits; their words tell -0 from 0, and hold NaN.
        one, other = one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8)
    return torch.equal(one, other)


class _Merging:
    """Merges arguments; numbers that depend on the batch size become nodes."""

    def __init__(self, sizes: Sequence[int], graph: Graph) -> None:
        self._sizes, self._graph = sizes, graph
        self._fresh = max([*graph.constants, *graph.inputs, *(n.slot for n in graph.nodes)]) + 1
        self._slots: dict[_Length, int] = {}
        self.nodes: list[Node] = []

    def merged(self, values: Sequence[Any]) -> Any:
        """One value out of those that stand in the same place of each graph."""
        first = values[0]
        if type(first) not in _NESTED:
            return self._one(*values)
        if any(type(value) is not type(first) or len(value) != len(first) for value in values):
            raise NoGraphError(_OTHERS)
        if isinstance(first, dict):
            if any(value.keys() != first.keys() for value in values):
                raise NoGraphError(_OTHERS)
            return {key: self.merged([value[key] for value in values]) for key in first}
        return type(first)(self.merged(parts) for parts in zip(*values, strict=True))

    def _one(self, *values: Any) -> Any:
        first = values[0]
        # With the type, as True == 1 and 2 == 2.0.
        if all(type(value) is type(first) and value == first for value in values):
            return first
        if all(type(value) in (int, float) for value in values):
            return self._length(_Length.through(values, self._sizes))
        raise NoGraphError(f"an argument of the graph depends on the batch size: {first!r}"[:160])

    def _length(self, length: _Length) -> Slot:
        if length not in self._slots:
            # One node for each length, however many arguments are of this length.
            slot = self._fresh + len(self._slots)
            self._slots[length] = slot
            self.nodes.append(Node(slot, length, (Slot(self._graph.inputs[0]),), {}))
        return Slot(self._slots[length])
