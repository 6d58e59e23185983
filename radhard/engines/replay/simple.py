"""How does a difference pass operations that look at one position at a time?"""

from typing import Any

import torch

from radhard.engines.replay.graph import Node, Slot
from radhard.engines.replay.patch import Patch, Start
from radhard.engines.replay.state import Pass

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def unary(state: Pass, node: Node) -> Patch | None:
    """The same function of every element."""
    patch = state.patches[node.args[0].number]
    if any(isinstance(arg, Slot) for arg in node.args[1:]):
        return None
    return patch.like(node.op(patch.values, *node.args[1:], **node.kwargs))


def binary(state: Pass, node: Node) -> Patch | None:
    """Element with element: sums, products; the wider of two patches counts."""
    sides = [arg.number for arg in node.args[:2] if isinstance(arg, Slot)]
    shapes = [state.golden[slot].shape for slot in sides]
    if any(shape != state.golden[node.slot].shape for shape in shapes):
        return None
    if any(slot not in state.graph.by_sample for slot in sides):
        return None
    struck = [state.patches[slot] for slot in sides if slot in state.patches]
    widest = max(struck, key=lambda patch: patch.values.numel())
    if any(not covers(widest, patch) for patch in struck):
        starts: tuple[Start, ...] = (None,) * len(widest.starts)
        like = state.whole(sides[0])
    else:
        starts, like = widest.starts, widest.values
    values = {slot: state.at(slot, starts, like) for slot in sides}
    args = [values[arg.number] if isinstance(arg, Slot) else arg for arg in node.args]
    return Patch(node.op(*args, **node.kwargs), starts)


def covers(wide: Patch, narrow: Patch) -> bool:
    """Whether one patch surely lies within another."""
    for axis, (w, n) in enumerate(zip(wide.starts, narrow.starts, strict=True), start=1):
        if w is None:
            continue
        if n is None:
            return False
        left = torch.as_tensor(n - w)
        room = wide.values.shape[axis] - narrow.values.shape[axis]
        if bool((left < 0).any()) or bool((left > room).any()):
            return False
    return True


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
            aten.mul.Scalar,
            aten.add.Scalar,
        ],
        unary,
    ),
    **dict.fromkeys([aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor], binary),
}
