"""How do differences travel from the fault to the output?"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from radhard.replay.cache_change import CacheChange
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Graph, Node, Slot
from radhard.replay.patch import Patch
from radhard.replay.repeated_change import RepeatedChange
from radhard.replay.rules import RULES
from radhard.targets.attention_mode import attended, attention_scores

__all__ = ["propagate", "rows_are_independent"]

aten: Any = torch.ops.aten

_ROW_BY_ROW = {
    aten.transpose.int,
    aten.permute.default,
    aten.unsqueeze.default,
    aten.squeeze.dim,
    aten.select.int,
    aten.layer_norm.default,
    aten.group_norm.default,
    aten.softmax.int,
    aten.masked_fill.Scalar,
    aten.where.self,
    aten._safe_softmax.default,
    aten.embedding.default,
    aten.cumsum.default,
    aten.sum.dim_IntList,
    aten.amax.default,
    aten.amin.default,
    aten.argmax.default,
    aten.mT.default,
    aten.flip.default,
    aten.repeat_interleave.self_int,
    aten.rsub.Scalar,
    aten.stack.default,
    aten.zeros_like.default,
}
"""Operations without a rule that do to a row the same, to the last bit, in whatever company."""

_PRODUCTS: dict[Any, int] = {
    aten.matmul.default: 2,
    aten.bmm.default: 2,
    attention_scores: 2,
    attended: 2,
    aten.scaled_dot_product_attention.default: 3,
}
"""The same, if each row has matrices of its own on all sides, as in attention; how many these are.
"""


def rows_are_independent(graph: Graph, steps: Sequence[int]) -> bool:
    """Whether rows can be left out and put together at all these steps without changing others.

    So it is where every operation takes the rows one by one: then a row that does not differ stays
    golden to the last bit. Others are carried out on all samples at once, as in the golden pass.
    """
    nodes = [graph.nodes[at] for at in steps]
    return all(_takes_rows(graph, node) and node.slot in graph.by_sample for node in nodes)


def _takes_rows(graph: Graph, node: Node) -> bool:
    """Whether an operation takes rows one by one."""
    if node.op not in _PRODUCTS:
        return node.op in RULES or node.op in _ROW_BY_ROW
    # A mask may be the same for all rows, but not a side of a product: one matrix for all rows is
    # multiplied with all of them at once.
    sides = node.args[: _PRODUCTS[node.op]]
    return all(isinstance(side, Slot) and side.number in graph.by_sample for side in sides)


def _disown(state: FaultyPass, node: Node, found: Patch | None) -> None:
    """Values that live on inside others must not be written to."""
    for slot in node.inputs:
        patch = state.patches.get(slot)
        if patch is None or not patch.own:
            continue
        if found is None or (slot not in state.spent and _inside(found, patch)):
            patch.own = False


def _inside(one: Patch, other: Patch) -> bool:
    a, b = (patch.values.untyped_storage() for patch in (one, other))
    return a.data_ptr() == b.data_ptr()


def _compute(state: FaultyPass, node: Node) -> None:
    """Compute the value of an operation with inputs that differ: where it differs, or whole."""
    by_sample = node.slot in state.graph.by_sample
    rule = None if state.exact else RULES.get(node.op)
    # Rules are made for golden parameters, and for samples on the first axis; other operations
    # compute whole values.
    ruled = by_sample and state.others.keys().isdisjoint(node.inputs)
    patch = rule(state, node) if rule is not None and ruled else None
    _disown(state, node, patch)
    if patch is None:
        value = node(state.whole)
        if not isinstance(value, Tensor) or not by_sample:
            state.others[node.slot] = value
            return
        patch = Patch(value, (None,) * (value.ndim - 1))
    state.patches[node.slot] = patch


def propagate(
    state: FaultyPass,
    steps: Sequence[int],
    goal: int | None = None,
    *,
    drop: bool,
    change: RepeatedChange | CacheChange | None = None,
) -> Patch | None:
    """Carry differences on to the slot ``goal``, the output by default; None if none is left.

    With ``drop``, rows that do not differ any more leave on the way. ``change``: of a parameter
    that operations on the way use, or of a cache that they read, where differences begin, and begin
    again.
    """
    graph = state.graph
    uses = {} if change is None else change.uses
    # A row that agrees before the parameter is used once more may differ again.
    settled = max((at for at in steps if graph.nodes[at].slot in uses), default=-1)
    last = {slot: at for at in steps for slot in graph.nodes[at].inputs}
    # The goal is used after the last operation, so that its patch is not let go of on the way.
    goal = graph.output if goal is None else goal
    last[goal] = len(graph.nodes)
    for at in steps:
        node = graph.nodes[at]
        # To find rows that agree again, all values are compared with the golden ones. Where
        # everything differs, hardly a row does: not worth the comparison.
        look = (
            drop
            and at >= settled
            and not all(state.patches[slot].whole for slot in node.inputs if slot in state.patches)
        )
        state.spent = {slot for slot in node.inputs if last.get(slot, -1) <= at}
        if node.slot in state.patches:
            look = drop  # where the difference began
        elif any(slot in state.patches or slot in state.others for slot in node.inputs):
            _compute(state, node)
        elif node.slot not in uses:
            continue
        if change is not None and node.slot in uses:
            patch = change.enter(state, node, state.patches.get(node.slot))
            if patch is not None:
                state.patches[node.slot] = patch
        for slot in [slot for slot in state.patches if last.get(slot, -1) <= at]:
            del state.patches[slot]
        # Only where a single value goes on: a row that agrees here may differ in another one.
        if look and len(state.patches) == 1 and node.slot in state.patches:
            alive = state.alive(node.slot)
            left = int(alive.sum())
            if left == 0:
                return None
            # Leaving rows out copies the others: only where it is worth it.
            if left < 0.9 * len(alive):
                state.drop(alive)
    if goal in state.others:
        raise AssertionError("the output has the samples in front")
    return state.patches.get(goal)
