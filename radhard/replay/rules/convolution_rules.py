"""How does a difference pass a convolution?"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.replay.crop import paste, zeros_of
from radhard.replay.faulty_pass import FaultyPass, runs
from radhard.replay.graph.operation_graph import Node, Slot
from radhard.replay.kernel import Kernel
from radhard.replay.patch import Patch, positions

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def convolution(state: FaultyPass, node: Node) -> Patch | None:
    """A convolution is linear: what it makes of the difference is added to its golden output.

    So only the channels and the window that differ are convolved.
    """
    source = node.args[0].number
    if any(slot in state.others for slot in node.inputs[1:]):
        return None
    weight = state.whole(node.args[1].number)
    stride, padding, dilation, groups = (
        state.argument(node, at, default) for at, default in ((3, 1), (4, 0), (5, 1), (6, 1))
    )
    if isinstance(padding, str):
        return None
    # Where the whole map differs, a difference saves nothing, and adding the golden output after it
    # is one pass over memory more.
    if state.patches[source].whole:
        return Patch(_convolve_whole(node, state), (None, None, None), own=True)
    kernel = Kernel(weight.shape[2:], stride, padding, dilation)
    shape, out = state.golden[source].shape[1:], state.golden[node.slot].shape[1:]
    delta = state.delta(source)
    # Channels of several groups would need a slice of the weight each.
    if groups > 1 and delta.starts[0] is not None:
        delta = state.spread(delta, tuple(shape), (1,))
    if delta.starts[1] is None:
        values = _convolve(delta, weight, kernel, groups, state, kernel.padding)
        return state.plus(node.slot, values, (None, None, None))
    window = kernel.window(delta, out[1], out[2])
    if window is None:  # the difference on a map of zeros, for the whole height and width
        delta = state.spread(delta, tuple(shape), (2, 3))
        values = _convolve(delta, weight, kernel, groups, state, kernel.padding)
        return state.plus(node.slot, values, (None, None, None))
    (y, h), (x, w) = window
    if kernel.stride == (1, 1):
        # Every output that sees any of the window: the window with a border of zeros.
        border = tuple((k - 1) * d for k, d in zip(kernel.size, kernel.dilation, strict=True))
        values = _convolve(delta, weight, kernel, groups, state, border)
        return state.plus(node.slot, values, (None, y, x))
    # With a stride, kernels stand at multiples of it only, counted from the padded edge of the map
    # and not from the window. So the difference is laid on a canvas of zeros that is exactly what
    # the outputs see that see any of it, and convolved without padding. Over the edge of the map
    # the canvas is zero, as the padding is.
    (fy, fh), (fx, fw) = kernel.field(y, h, 0), kernel.field(x, w, 1)
    canvas = zeros_of(delta.values, (len(delta.values), delta.values.shape[1], fh, fw))
    starts = (delta.starts[0], fy, fx)
    seen = Patch(paste(delta, canvas, starts), starts)
    values = _convolve(seen, weight, kernel, groups, state, (0, 0))
    return state.plus(node.slot, values, (None, y, x))


def convolution_1d(state: FaultyPass, node: Node) -> Patch | None:
    """The same along one axis: of the whole difference, as lines are short."""
    source = node.args[0].number
    if any(slot in state.others for slot in node.inputs[1:]):
        return None
    weight = state.whole(node.args[1].number)
    delta = state.delta(source)
    axes = tuple(axis for axis in (1, 2) if delta.starts[axis - 1] is not None)
    delta = state.spread(delta, tuple(state.golden[source].shape[1:]), axes)
    values = nnf.conv1d(delta.values, weight, None, *node.args[3:])
    return state.plus(node.slot, values, (None, None))


def _convolve_whole(node: Node, state: FaultyPass) -> Tensor:
    """The operation itself on whole values.

    Kernels give a sample the same result in any batch but one of a single sample.
    """
    values = state.whole(node.args[0].number)
    if len(values) > 1:
        result: Tensor = node(state.whole)
        return result
    rest = [state.whole(arg.number) if isinstance(arg, Slot) else arg for arg in node.args[1:]]
    # So the sample is computed beside itself.
    one: Tensor = node.op(values.expand(2, *values.shape[1:]).contiguous(), *rest, **node.kwargs)[
        :1
    ]
    return one


def _convolve(
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
    # Each row has channels of its own, so each needs a slice of the weight of its own, which no
    # kernel of torch takes: convolutions as products of matrices, all in one call.
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


RULES = {aten.conv2d.default: convolution, aten.conv1d.default: convolution_1d}
