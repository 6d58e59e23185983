"""How does a difference pass a convolution?"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.replay.crop import paste, zeros_of
from radhard.replay.faulty_pass import FaultyPass, runs
from radhard.replay.graph.operation_graph import Node, Slot
from radhard.replay.kernel import FILLED, Kernel
from radhard.replay.patch import Patch, positions

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def convolution(state: FaultyPass, node: Node) -> Patch | None:
    """A convolution is linear: what it makes of the difference is added to its golden output."""
    source = node.args[0].number
    if any(slot in state.others for slot in node.inputs[1:]):
        return None
    weight = state.whole(node.args[1].number)
    stride, padding, dilation, groups = (
        state.argument(node, at, default) for at, default in ((3, 1), (4, 0), (5, 1), (6, 1))
    )
    if isinstance(padding, str):
        return None
    if state.patches[source].whole:
        return Patch(_directly(node, state), (None, None, None), own=True)
    kernel = Kernel(weight.shape[2:], stride, padding, dilation)
    shape, out = state.golden[source].shape[1:], state.golden[node.slot].shape[1:]
    delta = state.delta(source)
    if groups > 1 and delta.starts[0] is not None:
        delta = state.spread(delta, tuple(shape), (1,))
    if delta.starts[1] is None:
        values = _strip(delta, weight, kernel, groups, state, kernel.padding)
        return state.plus(node.slot, values, (None, None, None))
    (y, h), (x, w) = (
        kernel.reach(delta.starts[1 + a], delta.values.shape[2 + a], a) for a in (0, 1)
    )
    if h * w > FILLED * out[1] * out[2]:
        delta = state.spread(delta, tuple(shape), (2, 3))
        values = _strip(delta, weight, kernel, groups, state, kernel.padding)
        return state.plus(node.slot, values, (None, None, None))
    if kernel.stride == (1, 1):
        # Every output that sees any of the window: the window with a border of zeros.
        border = tuple((k - 1) * d for k, d in zip(kernel.size, kernel.dilation, strict=True))
        values = _strip(delta, weight, kernel, groups, state, border)
        return state.plus(node.slot, values, (None, y, x))
    (fy, fh), (fx, fw) = kernel.field(y, h, 0), kernel.field(x, w, 1)
    canvas = zeros_of(delta.values, (len(delta.values), delta.values.shape[1], fh, fw))
    starts = (delta.starts[0], fy, fx)
    seen = Patch(paste(delta, canvas, starts), starts)
    values = _strip(seen, weight, kernel, groups, state, (0, 0))
    return state.plus(node.slot, values, (None, y, x))


def _directly(node: Node, state: FaultyPass) -> Tensor:
    """The operation itself on whole values.

    Kernels give a sample the same result in any batch but one of a single sample.
    """
    values = state.whole(node.args[0].number)
    if len(values) > 1:
        result: Tensor = node(state.whole)
        return result
    rest = [state.whole(arg.number) if isinstance(arg, Slot) else arg for arg in node.args[1:]]
    one: Tensor = node.op(values.expand(2, *values.shape[1:]).contiguous(), *rest, **node.kwargs)[
        :1
    ]
    return one


def _strip(
    delta: Patch,
    weight: Tensor,
    kernel: Kernel,
    groups: int,
    state: FaultyPass,
    padding: tuple[int, ...],
) -> Tensor:
    """The convolution of a difference that may lie in some channels only."""
    start, values = delta.starts[0], delta.values
    rest = (kernel.stride, padding, kernel.dilation)
    if start is None:
        return nnf.conv2d(values, weight, None, *rest, groups)
    width = values.shape[1]
    if isinstance(start, int):
        return nnf.conv2d(values, weight.narrow(1, start, width), None, *rest)
    if state.grouped:  # rows of one trial share their channels
        parts = [
            nnf.conv2d(values[rows], weight.narrow(1, int(start[rows.start]), width), None, *rest)
            for rows in runs(state)
        ]
        return torch.cat(parts)
    columns = nnf.unfold(values, kernel.size, kernel.dilation, padding, kernel.stride)
    index = positions(start, width, len(values), values.device)
    kernels = weight.transpose(0, 1)[index].transpose(1, 2).flatten(2)  # rows, out, in * kh * kw
    sizes = [
        (values.shape[2 + a] + 2 * padding[a] - (kernel.size[a] - 1) * kernel.dilation[a] - 1)
        // kernel.stride[a]
        + 1
        for a in (0, 1)
    ]
    return torch.bmm(kernels, columns).view(len(values), -1, *sizes)


RULES = {aten.conv2d.default: convolution}
