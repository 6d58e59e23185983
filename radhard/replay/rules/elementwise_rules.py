"""How does a difference pass operations that look at one position at a time?"""

from typing import Any

import torch
from torch import Tensor

from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Node, Slot
from radhard.replay.patch import Patch, Start

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def unary(state: FaultyPass, node: Node) -> Patch | None:
    """The same function of every element."""
    patch = state.patches[node.args[0].number]
    if any(isinstance(arg, Slot) for arg in node.args[1:]):
        return None
    # In place where the memory belongs to the patch alone and nothing reads it afterwards.
    if patch.own and node.args[0].number in state.spent and node.op in _IN_PLACE:
        values = _IN_PLACE[node.op](patch.values, *node.args[1:], **node.kwargs)
        return Patch(values, patch.starts, own=True)
    return patch.like(node.op(patch.values, *node.args[1:], **node.kwargs))


def binary(state: FaultyPass, node: Node) -> Patch | None:
    """Element with element: sums, products, quotients; the wider of two patches counts."""
    slots = [arg.number for arg in node.args[:2] if isinstance(arg, Slot)]
    # A single number of the model's own, such as a scale, suits every window.
    numbers = {slot: state.golden[slot] for slot in slots if _is_number(state, slot)}
    sides = [slot for slot in slots if slot not in numbers]
    shapes = [state.golden[slot].shape for slot in sides]
    # Broadcasting would move the axes along which patches begin.
    if any(shape != state.golden[node.slot].shape for shape in shapes):
        return None
    if any(slot not in state.graph.by_sample for slot in sides):
        return None
    patches = [state.patches[slot] for slot in sides if slot in state.patches]
    # A window within the other one lets the sum be computed there only.
    widest = max(patches, key=lambda patch: patch.values.numel())
    if any(not covers(widest, patch) for patch in patches):
        starts: tuple[Start, ...] = (None,) * len(widest.starts)
        like = state.whole(sides[0])
    else:
        starts, like = widest.starts, widest.values
    if node.op is aten.add.Tensor and len(sides) == 2 and not node.kwargs:
        summed = _add_in_place(state, node, sides, starts, like)
        if summed is not None:
            return summed
    values = numbers | {slot: state.at(slot, starts, like) for slot in sides}
    args = [values[arg.number] if isinstance(arg, Slot) else arg for arg in node.args]
    return Patch(node.op(*args, **node.kwargs), starts)


def _add_in_place(
    state: FaultyPass, node: Node, sides: list[int], starts: tuple[Start, ...], like: Tensor
) -> Patch | None:
    """A sum in the memory of one of its sides, if that is not needed any more."""
    dtype = state.golden[node.slot].dtype
    for mine, other in (sides, sides[::-1]):
        patch = state.patches.get(mine)
        if patch is None or not patch.own or mine not in state.spent or mine == other:
            continue
        same = all(a is b for a, b in zip(patch.starts, starts, strict=True))
        if not same or patch.values.shape != like.shape or patch.values.dtype != dtype:
            continue
        if other not in state.patches and state.tiles and patch.whole:
            golden = state.golden[other]
            patch.values.view(state.tiles, *golden.shape).add_(golden)
        else:
            patch.values.add_(state.at(other, starts, like))
        return Patch(patch.values, starts, own=True)
    return None


def _is_number(state: FaultyPass, slot: int) -> bool:
    golden = state.golden[slot]
    # A length of the batch is a number of Python.
    alone = not isinstance(golden, Tensor) or golden.ndim == 0
    return slot not in state.graph.by_sample and alone


def covers(wide: Patch, narrow: Patch) -> bool:
    """Whether one patch surely lies within another."""
    for axis, (w, n) in enumerate(zip(wide.starts, narrow.starts, strict=True), start=1):
        if w is None:
            continue
        if n is None:
            return False
        # Either start may be one number for all rows, or one for each.
        left = torch.as_tensor(n - w)
        room = wide.values.shape[axis] - narrow.values.shape[axis]
        if bool((left < 0).any()) or bool((left > room).any()):
            return False
    return True


_IN_PLACE: dict[Any, Any] = {
    aten.relu.default: aten.relu_.default,
    aten.hardtanh.default: aten.hardtanh_.default,
    aten.leaky_relu.default: aten.leaky_relu_.default,
    aten.sigmoid.default: aten.sigmoid_.default,
    aten.tanh.default: aten.tanh_.default,
}
"""Fresh memory costs more than the arithmetic of these."""

RULES = {
    **dict.fromkeys(
        [
            aten.relu.default,
            aten.relu6.default,
            aten.hardtanh.default,
            aten.leaky_relu.default,
            aten.elu.default,
            aten.sigmoid.default,
            aten.tanh.default,
            aten.gelu.default,
            aten.silu.default,
            aten.hardswish.default,
            aten.hardsigmoid.default,
            aten.clamp.default,
            aten.abs.default,
            aten.neg.default,
            aten.exp.default,
            aten.dropout.default,
            aten.feature_dropout.default,
            aten.contiguous.default,
            aten.clone.default,
            aten.alias.default,
            aten.mul.Scalar,
            aten.add.Scalar,
            aten.round.default,
            aten.to.dtype,
        ],
        unary,
    ),
    **dict.fromkeys([aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor], binary),
}
