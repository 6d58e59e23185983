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


def flatten(state: Pass, node: Node) -> Patch | None:
    """``(samples, channels, h, w)`` to ``(samples, features)``: a channel is a run of features."""
    source = node.args[0].number
    before, after = state.golden[source].shape, state.golden[node.slot].shape
    patch = state.patches[source]
    if len(after) != 2 or len(before) != 4:
        return None
    if patch.starts[1] is not None or patch.starts[2] is not None:
        patch = Patch(state.whole(source), (None, None, None))
    start = patch.starts[0]
    per = before[2] * before[3]
    return Patch(patch.values.flatten(1), (None if start is None else start * per,))


def concatenation(state: Pass, node: Node) -> Patch | None:
    """Side by side along the channels: a patch in one part moves by the parts before it."""
    parts = [slot.number for slot in node.args[0]]
    axis = node.args[1] if len(node.args) > 1 else 0
    struck = [slot for slot in parts if slot in state.patches]
    if (
        axis not in (1, 1 - state.golden[node.slot].ndim)
        or len(struck) != 1
        or parts.count(struck[0]) > 1
    ):
        return None
    before = sum(state.golden[slot].shape[1] for slot in parts[: parts.index(struck[0])])
    patch = state.patches[struck[0]]
    start = patch.starts[0]
    return Patch(patch.values, (before if start is None else start + before, *patch.starts[1:]))


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
    **dict.fromkeys([aten.flatten.using_ints, aten.view.default, aten.reshape.default], flatten),
    aten.cat.default: concatenation,
}
