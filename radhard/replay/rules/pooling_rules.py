"""How does a difference pass pooling?"""

from typing import Any

import torch
from torch.nn import functional as nnf

from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Node
from radhard.replay.kernel import Kernel
from radhard.replay.patch import Patch, Start, positions

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def max_pool(state: FaultyPass, node: Node) -> Patch | None:
    """Max-pooling: exact, so that windows are cut out with the golden values around them."""
    source = node.args[0].number
    # A maximum is not linear: it needs the golden values beside the patch, not differences. As far
    # as the outputs see that see any of the patch, they are cut out around it.
    patch = state.patches[source]
    if patch.starts[1] is None:
        return patch.like(node.op(patch.values, *node.args[1:], **node.kwargs))
    size, stride, padding, dilation, ceil = (
        state.argument(node, at, default)
        for at, default in ((1, 1), (2, None), (3, 0), (4, 1), (5, False))
    )
    kernel = Kernel(size, stride, padding, dilation)
    out = state.golden[node.slot].shape[1:]
    window = kernel.window(patch, out[1], out[2])
    # In ceil mode the last position of the kernel may hang over the padded map.
    if ceil or window is None:
        wide = state.widened(source, (2, 3))
        return wide.like(node.op(wide.values, *node.args[1:], **node.kwargs))
    (y, h), (x, w) = window
    (fy, fh), (fx, fw) = kernel.field(y, h, 0), kernel.field(x, w, 1)
    starts: tuple[Start, ...] = (patch.starts[0], fy, fx)
    like = patch.values.new_empty((len(patch.values), patch.values.shape[1], fh, fw))
    field = state.at(source, starts, like)
    height, width = state.golden[source].shape[2:]
    ys = positions(fy, fh, len(like), like.device)
    xs = positions(fx, fw, len(like), like.device)
    valid = ((ys >= 0) & (ys < height))[:, None, :, None] & ((xs >= 0) & (xs < width))[
        :, None, None, :
    ]
    # `crop` repeats the edge where a window hangs over it; padding never wins a maximum.
    values = field.where(valid, -torch.inf)
    values = nnf.max_pool2d(values, kernel.size, kernel.stride, 0, kernel.dilation)
    return Patch(values, (patch.starts[0], y, x))


def average_pool(state: FaultyPass, node: Node) -> Patch | None:
    """Average-pooling and means over height and width are linear."""
    source = node.args[0].number
    if state.golden[source].ndim != 4:
        return None
    # A mean over other axes mixes channels.
    if node.op is aten.mean.dim and sorted(d % 4 for d in node.args[1]) != [2, 3]:
        return None
    delta = state.delta(source)
    shape = tuple(state.golden[source].shape[1:])
    # The whole map: a mean over all of it needs no window, and average pooling is cheap.
    if delta.starts[1] is not None:
        delta = state.spread(delta, shape, (2, 3))
    change = node.op(delta.values, *node.args[1:], **node.kwargs)
    starts = (delta.starts[0], *[None] * (state.golden[node.slot].ndim - 2))
    return state.plus(node.slot, change, starts)


RULES = {
    aten.max_pool2d.default: max_pool,
    **dict.fromkeys(
        [aten.avg_pool2d.default, aten.adaptive_avg_pool2d.default, aten.mean.dim], average_pool
    ),
}
