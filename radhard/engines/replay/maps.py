"""How does a difference pass convolution, pooling and matrices?"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.engines.replay.graph import Node, Slot
from radhard.engines.replay.patch import Patch, Start, cut, pasted, positions
from radhard.engines.replay.state import Pass

__all__ = ["RULES", "Kernel", "convolution"]

aten: Any = torch.ops.aten

_FILLED = 0.5
"""A window that covers more of the map than this is made the whole map."""


class Kernel:
    """Size, stride, padding and dilation of a sliding window, along height and width."""

    def __init__(self, size: Any, stride: Any, padding: Any, dilation: Any) -> None:
        self.size, self.stride = _pair(size), _pair(stride or size)
        self.padding, self.dilation = _pair(padding), _pair(dilation)

    def reach(self, start: Start, length: int, axis: int) -> tuple[Start, int]:
        """Where and how long the outputs are that see the inputs ``start .. start + length``."""
        k, s = (self.size[axis] - 1) * self.dilation[axis], self.stride[axis]
        assert start is not None
        first = start + self.padding[axis] - k
        return -(-first // s), (length - 1 + k) // s + 1

    def field(self, start: Start, length: int, axis: int) -> tuple[Start, int]:
        """Where and how long the inputs are that the outputs ``start .. start + length`` see."""
        k, s = (self.size[axis] - 1) * self.dilation[axis], self.stride[axis]
        assert start is not None
        return start * s - self.padding[axis], (length - 1) * s + k + 1


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, *rest = value
    return int(first), int(rest[0] if rest else first)


def convolution(state: Pass, node: Node) -> Patch | None:
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
        return Patch(_directly(node, state), (None, None, None))
    kernel = Kernel(weight.shape[2:], stride, padding, dilation)
    shape, out = state.golden[source].shape[1:], state.golden[node.slot].shape[1:]
    delta = state.delta(source)
    if groups > 1 and delta.starts[0] is not None:
        delta = state.spread(delta, tuple(shape), (1,))
    if delta.starts[1] is None:
        values = _strip(delta, weight, kernel, groups, state, padded=True)
        return state.plus(node.slot, values, (None, None, None))
    (y, h), (x, w) = (
        kernel.reach(delta.starts[1 + a], delta.values.shape[2 + a], a) for a in (0, 1)
    )
    if h * w > _FILLED * out[1] * out[2]:
        delta = state.spread(delta, tuple(shape), (2, 3))
        values = _strip(delta, weight, kernel, groups, state, padded=True)
        return state.plus(node.slot, values, (None, None, None))
    (fy, fh), (fx, fw) = kernel.field(y, h, 0), kernel.field(x, w, 1)
    canvas = delta.values.new_zeros((len(delta.values), delta.values.shape[1], fh, fw))
    starts = (delta.starts[0], fy, fx)
    seen = Patch(pasted(delta, canvas, starts), starts)
    values = _strip(seen, weight, kernel, groups, state, padded=False)
    return state.plus(node.slot, values, (None, y, x))


def _directly(node: Node, state: Pass) -> Tensor:
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
    delta: Patch, weight: Tensor, kernel: Kernel, groups: int, state: Pass, *, padded: bool
) -> Tensor:
    """The convolution of a difference that may lie in some channels only."""
    start, values = delta.starts[0], delta.values
    padding = kernel.padding if padded else (0, 0)
    rest = (kernel.stride, padding, kernel.dilation)
    if start is None:
        return nnf.conv2d(values, weight, None, *rest, groups)
    width = values.shape[1]
    if isinstance(start, int):
        return nnf.conv2d(values, weight.narrow(1, start, width), None, *rest)
    if state.grouped:  # rows of one trial share their channels
        parts = [
            nnf.conv2d(values[rows], weight.narrow(1, int(start[rows.start]), width), None, *rest)
            for rows in _runs(state)
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


def _runs(state: Pass) -> list[slice]:
    """The stretches of rows that belong to one trial each."""
    assert state.owner is not None
    ends = torch.unique_consecutive(state.owner, return_counts=True)[1].cumsum(0).tolist()
    return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def matrix(state: Pass, node: Node) -> Patch | None:
    """A linear layer on ``(samples, features)``: only the changed features are multiplied."""
    source = node.args[0].number
    if state.golden[source].ndim != 2 or any(s in state.others for s in node.inputs[1:]):
        return None
    weight = state.whole(node.args[1].number)
    delta = state.delta(source)
    start, values = delta.starts[0], delta.values
    if start is None:
        change = values @ weight.t()
    elif isinstance(start, int):
        change = values @ weight.narrow(1, start, values.shape[1]).t()
    elif state.grouped:
        change = torch.cat(
            [
                values[rows] @ weight.narrow(1, int(start[rows.start]), values.shape[1]).t()
                for rows in _runs(state)
            ]
        )
    else:
        index = positions(start, values.shape[1], len(values), values.device)
        change = torch.bmm(values.unsqueeze(1), weight.t()[index]).squeeze(1)
    return state.plus(node.slot, change, (None,))


def largest(state: Pass, node: Node) -> Patch | None:
    """Max-pooling: exact, so that windows are cut out with the golden values around them."""
    source = node.args[0].number
    patch = state.patches[source]
    if patch.starts[1] is None:
        return patch.like(node.op(patch.values, *node.args[1:], **node.kwargs))
    size, stride, padding, dilation, ceil = (
        state.argument(node, at, default)
        for at, default in ((1, 1), (2, None), (3, 0), (4, 1), (5, False))
    )
    kernel = Kernel(size, stride, padding, dilation)
    out = state.golden[node.slot].shape[1:]
    (y, h), (x, w) = (
        kernel.reach(patch.starts[1 + a], patch.values.shape[2 + a], a) for a in (0, 1)
    )
    if ceil or h * w > _FILLED * out[1] * out[2]:
        starts: tuple[Start, ...] = (patch.starts[0], None, None)
        like = patch.values.new_empty(
            (len(patch.values), patch.values.shape[1], *state.golden[source].shape[2:])
        )
        values = state.at(source, starts, like)
        return Patch(node.op(values, *node.args[1:], **node.kwargs), starts)
    (fy, fh), (fx, fw) = kernel.field(y, h, 0), kernel.field(x, w, 1)
    starts = (patch.starts[0], fy, fx)
    like = patch.values.new_empty((len(patch.values), patch.values.shape[1], fh, fw))
    field = Patch(
        pasted(patch, cut(state.golden[source], state.rows, starts, like).clone(), starts), starts
    )
    height, width = state.golden[source].shape[2:]
    ys = positions(fy, fh, len(like), like.device)
    xs = positions(fx, fw, len(like), like.device)
    valid = ((ys >= 0) & (ys < height))[:, None, :, None] & ((xs >= 0) & (xs < width))[
        :, None, None, :
    ]
    values = field.values.where(valid, -torch.inf)
    values = nnf.max_pool2d(values, kernel.size, kernel.stride, 0, kernel.dilation)
    return Patch(values, (patch.starts[0], y, x))


def averaged(state: Pass, node: Node) -> Patch | None:
    """Average-pooling and means over height and width are linear."""
    source = node.args[0].number
    if state.golden[source].ndim != 4:
        return None
    if node.op is aten.mean.dim and sorted(d % 4 for d in node.args[1]) != [2, 3]:
        return None
    delta = state.delta(source)
    shape = tuple(state.golden[source].shape[1:])
    if delta.starts[1] is not None:
        delta = state.spread(delta, shape, (2, 3))
    change = node.op(delta.values, *node.args[1:], **node.kwargs)
    starts = (delta.starts[0], *[None] * (state.golden[node.slot].ndim - 2))
    return state.plus(node.slot, change, starts)


def normalised(state: Pass, node: Node) -> Patch | None:
    """Batch normalisation with fixed statistics: a factor for each channel."""
    source = node.args[0].number
    if any(slot in state.others for slot in node.inputs[1:]) or node.args[5]:
        return None
    scale, variance = (
        None if node.args[at] is None else state.whole(node.args[at].number) for at in (1, 4)
    )
    factor = torch.rsqrt(variance + node.args[7])
    factor = factor if scale is None else factor * scale
    delta = state.delta(source)
    start = delta.starts[0]
    tail = (1,) * (delta.values.ndim - 2)
    if start is None:
        each = factor.reshape(1, -1, *tail)
    else:
        index = positions(start, delta.values.shape[1], len(delta.values), factor.device)
        each = factor[index].reshape(*index.shape, *tail)
    return state.plus(node.slot, delta.values * each, delta.starts)


RULES = {
    aten.conv2d.default: convolution,
    aten.linear.default: matrix,
    aten.max_pool2d.default: largest,
    aten.batch_norm.default: normalised,
    **dict.fromkeys(
        [aten.avg_pool2d.default, aten.adaptive_avg_pool2d.default, aten.mean.dim], averaged
    ),
}
