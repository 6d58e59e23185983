"""How are operations on values with the positions in front given the samples first?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.fx.node import map_aggregate

from radhard.replay.graph.operation_graph import Graph, Node, Slot

__all__ = ["with_samples_in_front"]

aten: Any = torch.ops.aten

_EACH_ELEMENT: set[Any] = {
    *(aten.relu.default, aten.gelu.default, aten.silu.default, aten.elu.default),
    *(aten.sigmoid.default, aten.tanh.default, aten.leaky_relu.default, aten.hardtanh.default),
    *(aten.abs.default, aten.neg.default, aten.exp.default, aten.clamp.default),
    *(aten.dropout.default, aten.feature_dropout.default, aten.alias.default),
    *(aten.mul.Scalar, aten.add.Scalar, aten.to.dtype, aten.detach.default),
    *(aten.contiguous.default, aten.clone.default),
}
"""Operations on a single value that do the same to each element, or hand it on."""

_TWO_SIDES: set[Any] = {aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor}

_REDUCING: set[Any] = {aten.mean.dim, aten.sum.dim_IntList, aten.amax.default, aten.amin.default}


_TURNING: set[Any] = {*(aten.transpose.int, aten.permute.default, aten.t.default, aten.mT.default)}


def with_samples_in_front(graph: Graph, ranks: Mapping[int, int]) -> Graph:
    """The graph with the samples on the first axis where its model puts the positions there.

    So do layers of attention that take the positions first (``batch_first=False``), which is their
    default: a model exchanges the first two axes of a value, hands it on from layer to layer, and
    exchanges them again, or selects or averages over the positions. The same operations are carried
    out on values with the samples in front, as only in these a row belongs to a sample. Operations
    of which that is not known are given what the model gives them.

    Args:
        graph: of a recorded pass.
        ranks: the number of axes of each value, by its slot.
    """
    moved = _Moved(graph, ranks)
    for node in graph.nodes:
        moved.add(node)
    return moved.graph() if moved.twins else graph


class _Moved:
    """A graph in the making, operation by operation."""

    def __init__(self, graph: Graph, ranks: Mapping[int, int]) -> None:
        self._graph, self._ranks = graph, dict(ranks)
        self.twins: dict[int, int] = {}
        """Of values with the samples on the second axis: the slot of what has them on the first."""
        self._nodes: list[Node] = []
        self._by_sample = set(graph.by_sample)
        self._same: dict[int, int] = {}
        self._added: set[int] = set()
        # What does not depend on the batch is the same for all samples.
        self._fixed = set(graph.constants)
        self._fresh = 1 + max(
            [*graph.constants, *graph.inputs, *(node.slot for node in graph.nodes)]
        )

    def add(self, node: Node) -> None:
        """Add an operation of the graph, or the same on values with the samples in front."""

        def renamed(part: Any) -> Any:
            return (
                Slot(self._same.get(part.number, part.number)) if isinstance(part, Slot) else part
            )

        args, kwargs = map_aggregate((node.args, node.kwargs), renamed)
        node = replace(node, args=args, kwargs=kwargs)
        if node.inputs and self._fixed.issuperset(node.inputs):
            self._fixed.add(node.slot)
        if not self._arranged(node) and not self._computed(node):
            self._nodes.append(node)

    def graph(self) -> Graph:
        """The graph without exchanges of axes that nothing uses any more."""
        output = self._same.get(self._graph.output, self._graph.output)
        made = replace(self._graph, nodes=self._nodes, output=output, by_sample=self._by_sample)
        used = made.used()
        idle = {slot for slot in self.twins if slot not in used} & self._added
        made.nodes = [node for node in self._nodes if node.slot not in idle]
        made.by_sample = self._by_sample - idle - self._same.keys()
        return made

    # Exchanges of axes

    def _arranged(self, node: Node) -> bool:
        """Whether an operation only puts axes into another order, from or to samples in front."""
        order = _order(node, self._ranks)
        if order is None:
            return False
        source = node.args[0].number
        if source not in self.twins:
            return source in self._by_sample and order[1] == 0 and self._turned(node, source, order)
        # Of the twin, the first two axes are exchanged.
        source, order = self.twins[source], [{0: 1, 1: 0}.get(axis, axis) for axis in order]
        if order == sorted(order):
            self._same[node.slot] = source
        elif order[0] == 0:
            self._nodes.append(_permuted(node, node.slot, source, order))
        else:
            return order[1] == 0 and self._turned(node, source, order)
        return True

    def _turned(self, node: Node, source: int, order: list[int]) -> bool:
        """Add one that puts the samples of ``source`` onto the second axis; always true."""
        if order[2:] != sorted(order[2:]) or order[0] != 1:
            first = [0, order[0], *order[2:]]
            self._nodes.append(_permuted(node, self._new(len(order)), source, first))
            source = self._nodes[-1].slot
        self._keep(node, source)
        return True

    def _keep(self, node: Node, twin: int) -> None:
        """Note the twin of a value, which operations that are not known are still given."""
        self._nodes.append(replace(node, op=aten.transpose.int, args=(Slot(twin), 0, 1), kwargs={}))
        self.twins[node.slot] = twin
        self._added.add(node.slot)

    def _new(self, rank: int) -> int:
        """A slot for a value with the samples in front."""
        self._fresh += 1
        self._by_sample.add(self._fresh - 1)
        self._ranks[self._fresh - 1] = rank
        return self._fresh - 1

    # Operations

    def _computed(self, node: Node) -> bool:
        """Whether an operation is carried out on values with the samples in front."""
        turned = [slot for slot in node.inputs if slot in self.twins]
        rank = self._ranks.get(node.slot)
        if not turned or rank is None or any(slot not in self._ranks for slot in node.inputs):
            return False
        args = self._args(node)
        if args is None:
            return False
        if self._is_of_samples(node):
            self._nodes.append(replace(node, args=args))
            return True
        made = replace(node, slot=self._new(rank), args=args)
        self._nodes.append(made)
        self._keep(node, made.slot)
        return True

    def _is_of_samples(self, node: Node) -> bool:
        """Whether the positions, in front, are selected or averaged away."""
        if node.op is aten.select.int:
            return int(node.args[1]) % self._ranks[node.args[0].number] == 0
        if node.op in _REDUCING:
            rank = self._ranks[node.args[0].number]
            return 0 in _axes(node, rank) and self._ranks[node.slot] < rank
        return False

    def _args(self, node: Node) -> tuple[Any, ...] | None:
        """The arguments with the samples in front; None where what it does then is not known."""
        if node.op in _TWO_SIDES:
            return self._sides(node)
        if node.op is aten.cat.default:
            return self._parts(node)
        if node.op is aten.embedding.default:
            table, index, *rest = node.args
            return self._of_one(node, index, (table, Slot(self.twins[index.number]), *rest))
        first, *rest = node.args
        if not isinstance(first, Slot) or first.number not in self.twins:
            return None
        rank, twin = self._ranks[first.number], Slot(self.twins[first.number])
        if node.op in _EACH_ELEMENT or (node.op is aten.linear.default and rank > 2):
            return self._of_one(node, first, (twin, *rest))
        if node.op is aten.layer_norm.default and len(rest[0]) <= rank - 2:
            return self._of_one(node, first, (twin, *rest))
        if node.op in (aten.slice.Tensor, aten.select.int) and rest:
            axis = rest[0] % rank
            return None if axis == 1 else (twin, int(not axis) or axis, *rest[1:])
        if node.op in (aten.softmax.int, aten.unflatten.int) and rest[0] % rank > 1:
            return (twin, rest[0] % rank, *rest[1:])
        if node.op in _REDUCING and rest and isinstance(rest[0], Sequence) and rest[0]:
            axes = _axes(node, rank)
            return None if 1 in axes else (twin, [axis or 1 for axis in axes], *rest[1:])
        return None

    def _of_one(self, node: Node, one: Slot, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The arguments, if all but one are the same for all samples and positions."""
        others = [slot for slot in node.inputs if slot != one.number]
        return args if self._fixed.issuperset(others) else None

    def _sides(self, node: Node) -> tuple[Any, ...] | None:
        """Both sides of a sum, difference, product or quotient."""
        rank, args = self._ranks[node.slot], []
        extra: list[Node] = []
        for side in node.args:
            if not isinstance(side, Slot):
                args.append(side)
            elif side.number in self.twins and self._ranks[side.number] == rank:
                args.append(Slot(self.twins[side.number]))
            elif side.number not in self._fixed:
                return None
            elif self._ranks[side.number] < rank:
                # Its first axis may be that of the samples, for all of which it is the same.
                args.append(side)
            else:
                turned = Node(self._new(rank), aten.transpose.int, (side, 0, 1), {}, node.modules)
                extra.append(replace(turned, calls=node.calls))
                self._by_sample.discard(turned.slot)
                self._fixed.add(turned.slot)
                args.append(Slot(turned.slot))
        self._nodes += extra
        return tuple(args)

    def _parts(self, node: Node) -> tuple[Any, ...] | None:
        """Values that are put together along positions or features."""
        parts, axis = node.args[0], (node.args[1] if len(node.args) > 1 else 0)
        axis %= self._ranks[node.slot]
        if axis == 1 or not all(part.number in self.twins for part in parts):
            return None
        return [Slot(self.twins[part.number]) for part in parts], axis or 1


def _axes(node: Node, rank: int) -> list[int]:
    return [axis % rank for axis in node.args[1]]


def _order(node: Node, ranks: Mapping[int, int]) -> list[int] | None:
    """The order into which an operation puts the axes of its value; None if it is another one."""
    if node.op not in _TURNING or not isinstance(node.args[0], Slot) or node.kwargs:
        return None
    rank = ranks.get(node.args[0].number)
    if rank is None or rank < 2:
        return None
    if node.op is aten.permute.default:
        return [axis % rank for axis in node.args[1]]
    order = list(range(rank))
    # Of a matrix, the last two.
    one, other = (axis % rank for axis in node.args[1:3] or (-2, -1))
    order[one], order[other] = other, one
    return order


def _permuted(node: Node, slot: int, source: int, order: list[int]) -> Node:
    return replace(node, slot=slot, op=aten.permute.default, args=(Slot(source), order), kwargs={})
