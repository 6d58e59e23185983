"""Which operations of a graph have bounds?"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch.nn import functional as nnf

from radhard.caps.bent_operations import MaxPool, PiecewiseLinear
from radhard.caps.bounded_operation import BoundedOperation
from radhard.caps.linear_operations import Average, Layout, Normalization, Product, Sum
from radhard.internals import convolution_backend
from radhard.replay.graph import Graph, Node, Slot

__all__ = ["UnboundedError", "operations_behind"]

aten: Any = torch.ops.aten

_PLAIN_BACKENDS = ("Mkldnn", "Slow2d", "SlowDilated2d")
"""Implementations of convolutions that add up products; others transform the inputs first."""


class UnboundedError(Exception):
    """No bound is known for an operation or a tensor; the message says which, and why."""


def operations_behind(
    graph: Graph, values: Mapping[int, Any], starts: Sequence[int]
) -> list[BoundedOperation]:
    """The operations from some slots to the output, in order, with their bounds.

    ``values`` are those of the graph for a batch.

    Raises:
        UnboundedError: one has none.
    """
    needed = {graph.output}
    nodes = [graph.nodes[at] for at in graph.downstream(starts)]
    # Operations downstream whose results the output does not depend on need no bound.
    for node in reversed(nodes):
        if node.slot in needed:
            needed.update(node.inputs)
    # Of values that no start reaches, the golden ones are known: only sources that deviate count.
    deviating = set(starts)
    operations = []
    for node in nodes:
        if node.slot not in needed:
            continue
        sources = tuple(slot for slot in dict.fromkeys(node.inputs) if slot in deviating)
        operations.append(_bounded(node, sources, values))
        deviating.add(node.slot)
        if node.slot not in graph.by_sample or values[node.slot].dtype != torch.float32:
            raise UnboundedError(f"{_name(node)}: its values are not float32, sample by sample")
    return operations


def _bounded(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:
    made = _OPERATIONS.get(node.op)
    if made is None:
        raise UnboundedError(f"no bound is known for {_name(node)}")
    if node.kwargs or (len(sources) > 1 and node.op not in _OF_SEVERAL):
        raise UnboundedError(f"no bound is known for {_name(node)} with these arguments")
    return made(node, sources, values)


def _name(node: Node) -> str:
    return str(getattr(node.op, "name", lambda: node.op)()).removeprefix("aten::")


def _argument(node: Node, at: int, values: Mapping[int, Any], default: Any = None) -> Any:
    if at >= len(node.args):
        return default
    found = node.args[at]
    return values[found.number] if isinstance(found, Slot) else found


def _product(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:
    inputs, weight = (_argument(node, at, values) for at in (0, 1))
    if sources != (node.args[0].number,):
        # The weight deviates as well, or instead: a product of two deviations is not linear.
        raise UnboundedError(f"the weight of {_name(node)} is computed")
    bias = _argument(node, 2, values)
    rest = tuple(_argument(node, at, values) for at in range(3, len(node.args)))
    if node.op is aten.conv2d.default:
        backend = convolution_backend(inputs, weight, bias, *rest)
        if backend not in _PLAIN_BACKENDS:
            raise UnboundedError(f"{_name(node)} is computed by {backend}, without a bound")
    op = nnf.linear if node.op is aten.linear.default else node.op
    # Bounds are computed in float64, whose own rounding is far below that of float32.
    wide = None if bias is None else bias.double()
    return Product(node.slot, sources, op, weight.double(), wide, rest)


def _normalization(
    node: Node, sources: tuple[int, ...], values: Mapping[int, Any]
) -> BoundedOperation:
    _, scale, shift, mean, variance, training, _, eps, *_ = (
        _argument(node, at, values) for at in range(len(node.args))
    )
    if training or sources != (node.args[0].number,):
        raise UnboundedError("batch normalization over the batch")
    factor = torch.rsqrt(variance.double() + eps)
    factor = factor if scale is None else factor * scale.double()
    offset = torch.zeros_like(factor) if shift is None else shift.double()
    return Normalization(node.slot, sources, factor, mean.double(), offset)


def _average(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:
    inputs, rest = _argument(node, 0, values), node.args[1:]
    # Each sample is bounded by itself; here one would deviate with all others of its batch.
    if node.op is aten.mean.dim and (0 in rest[0] or -inputs.ndim in rest[0]):
        raise UnboundedError("an average over the samples")
    # More than the largest window has, whatever the arguments: all elements of a sample.
    elements = inputs[0].numel()
    if node.op is aten.avg_pool2d.default:
        elements = int(torch.tensor(rest[0]).prod()) ** (2 if len(rest[0]) == 1 else 1)
    return Average(node.slot, sources, lambda x: node.op(x, *rest), elements)


def _max_pooling(
    node: Node, sources: tuple[int, ...], values: Mapping[int, Any]
) -> BoundedOperation:
    size, stride, padding, dilation, ceil = (
        _argument(node, at, values, default)
        for at, default in ((1, None), (2, []), (3, 0), (4, 1), (5, False))
    )
    # Windows are laid out by unfold, which has no ceil_mode.
    if ceil or values[sources[0]].ndim != 4:
        raise UnboundedError("max-pooling with ceil_mode or of one sample")
    pairs = [_pair(value) for value in (size, stride or size, padding, dilation)]
    return MaxPool(node.slot, sources, *pairs)


def _pair(value: Any) -> tuple[int, int]:
    both = (value, value) if isinstance(value, int) else tuple(value)
    return (both[0], both[-1])


def _sum(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:  # noqa: ARG001
    # Of x + x the only source would count once.
    if len(node.args) != 2 or node.args[0] == node.args[1]:
        raise UnboundedError(f"no bound is known for {_name(node)} with these arguments")
    return Sum(node.slot, sources)


def _activation(
    node: Node,
    sources: tuple[int, ...],
    values: Mapping[int, Any],
) -> BoundedOperation:
    rest = [arg for arg in node.args[1:] if arg is not None]
    if any(isinstance(arg, Slot) for arg in rest):
        raise UnboundedError(f"no bound is known for {_name(node)} with these arguments")
    if node.op in _LEAKY:
        (slope,) = rest or [0.01]
        if slope < 0:
            raise UnboundedError("a leaky ReLU that is not monotone")
        leaky = partial(nnf.leaky_relu, negative_slope=slope)
        by = lambda x: torch.where(x > 0, 1.0, slope).to(x)  # noqa: E731
        return PiecewiseLinear(
            node.slot, sources, leaky, by, (), (-torch.inf, torch.inf), rounded=True
        )
    if node.op in _RELU:
        low, high = 0.0, torch.inf
    elif node.op in _RELU6:
        low, high = 0.0, 6.0
    else:
        default = (-1.0, 1.0) if node.op in _HARDTANH else (-torch.inf, torch.inf)
        low = _argument(node, 1, values, default[0])
        high = _argument(node, 2, values, default[1])
        low, high = (-torch.inf if low is None else low), (torch.inf if high is None else high)
    return PiecewiseLinear(
        node.slot,
        sources,
        lambda x: x.clamp(low, high),
        lambda x: ((x > low) & (x < high)).to(x),
        # With one kink, only the limits of an interval can be extremes of the remainder.
        (low, high) if torch.isfinite(torch.tensor([low, high])).all() else (),
        (low, high),
    )


def _reshaped(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:  # noqa: ARG001
    return Layout(
        node.slot, sources, lambda parts, like: parts[0].reshape(len(parts[0]), *like.shape[1:])
    )


def _dropout(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:
    if _argument(node, 2, values, default=True):
        raise UnboundedError("dropout is active")
    return Layout(node.slot, sources, lambda parts, like: parts[0])  # noqa: ARG005


def _moved(node: Node, sources: tuple[int, ...], values: Mapping[int, Any]) -> BoundedOperation:
    rest = [_argument(node, at, values) for at in range(1, len(node.args))]
    if node.op is aten.pad.default:
        if rest[1:2] not in ([], ["constant"]) or rest[2:3] not in ([], [None], [0], [0.0]):
            raise UnboundedError("padding with other values than 0")
        rest = rest[:1]
    elif node.op is aten.slice.Tensor and rest and rest[0] == 0:
        rest = [0]  # of all samples, as its slot is one by sample
    return Layout(node.slot, sources, lambda parts, like: node.op(parts[0], *rest))  # noqa: ARG005


def _joined(
    node: Node,
    sources: tuple[int, ...],  # noqa: ARG001
    values: Mapping[int, Any],
) -> BoundedOperation:
    parts, *rest = node.args
    slots = tuple(part.number for part in parts)
    dim = rest[0] if rest else 0
    if len(set(slots)) < len(slots) or dim % values[node.slot].ndim == 0:
        raise UnboundedError("values that are joined along the samples, or one with itself")
    return Layout(node.slot, slots, lambda given, like: torch.cat(list(given), dim))  # noqa: ARG005


_RELU = {aten.relu.default, aten.relu_.default}
_RELU6 = {aten.relu6.default}
_HARDTANH = {aten.hardtanh.default, aten.hardtanh_.default}
_LEAKY = {aten.leaky_relu.default, aten.leaky_relu_.default}

_Made = Callable[[Node, tuple[int, ...], Mapping[int, Any]], BoundedOperation]

_OPERATIONS: dict[Any, _Made] = {
    aten.conv1d.default: _product,
    aten.conv2d.default: _product,
    aten.linear.default: _product,
    aten.batch_norm.default: _normalization,
    aten.avg_pool2d.default: _average,
    aten.adaptive_avg_pool2d.default: _average,
    aten.mean.dim: _average,
    aten.max_pool2d.default: _max_pooling,
    aten.add.Tensor: _sum,
    aten.add_.Tensor: _sum,
    aten.cat.default: _joined,
    aten.clamp.default: _activation,
    aten.dropout.default: _dropout,
    **dict.fromkeys(_RELU | _RELU6 | _HARDTANH | _LEAKY, _activation),
    **dict.fromkeys((aten.flatten.using_ints, aten.view.default, aten.reshape.default), _reshaped),
    **dict.fromkeys(
        (
            aten.slice.Tensor,
            aten.pad.default,
            aten.transpose.int,
            aten.permute.default,
            aten.squeeze.dim,
            aten.unsqueeze.default,
        ),
        _moved,
    ),
}
"""None is folded into another: the proof concerns the operations that run."""

_OF_SEVERAL = {aten.add.Tensor, aten.add_.Tensor, aten.cat.default}
