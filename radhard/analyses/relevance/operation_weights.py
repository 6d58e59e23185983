"""Which weights and which bias does an operation apply to its inputs?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.analyses.relevance.operation_kinds import ADDED, POOLED, coefficients
from radhard.analyses.relevance.operations import LAYERS
from radhard.replay import Node, Slot

__all__ = ["Weighing", "norm", "weighing"]

aten: Any = torch.ops.aten

Map = Callable[[list[Tensor]], Tensor]


@dataclass(frozen=True)
class Weighing:
    """An operation as sums of products of its inputs and weights, and a bias.

    ``plus`` and ``minus`` use only the positive or the negative weights (None: there are none),
    ``all`` both; ``bias`` has the shape of the outputs, or broadcasts to it.
    """

    all: Map
    plus: Map | None
    minus: Map | None
    bias: Tensor | float


def weighing(node: Node, values: dict[int, Any], slots: list[int]) -> Weighing | None:
    """How a node weights its moving inputs; None if it is not a sum of products."""
    if node.op in LAYERS and slots == node.inputs[:1]:
        return _layer(node, values)
    if node.op is aten.batch_norm.default and slots == node.inputs[:1] and not node.args[5]:
        factor, shift = norm(node, values)
        return Weighing(
            lambda inputs: inputs[0] * factor,
            lambda inputs: inputs[0] * factor.clamp(min=0),
            lambda inputs: inputs[0] * factor.clamp(max=0),
            shift,
        )
    if node.op in POOLED and slots == node.inputs[:1]:
        pooled = _pooled(node)
        return Weighing(pooled, pooled, None, 0.0)
    if node.op in ADDED:
        return _added(node, values, slots)
    return None


def norm(node: Node, values: dict[int, Any]) -> tuple[Tensor, Tensor]:
    """The factor and the shift of every channel in a batch norm with fixed statistics."""
    parameters: list[Any] = [None if s is None else values[s.number] for s in node.args[1:5]]
    scale, shift, mean, variance = parameters
    shape = (1, -1, *(1,) * (values[node.slot].ndim - 2))
    factor = torch.rsqrt(variance + node.args[7])
    factor = factor if scale is None else factor * scale
    offset = -mean * factor if shift is None else shift - mean * factor
    return factor.reshape(shape), offset.reshape(shape)


def _layer(node: Node, values: dict[int, Any]) -> Weighing:
    weight = values[node.inputs[1]]
    bias = values[node.inputs[2]] if len(node.inputs) > 2 else None
    rest = node.args[3:]
    if bias is not None and node.op is not aten.linear.default:
        # Broadcasts over the positions behind the channels.
        bias = bias.reshape(-1, *(1,) * (weight.ndim - 2))

    def by(weight: Tensor) -> Map:
        # Without the bias, whose share is not handed on to any input.
        return lambda inputs: node.op(inputs[0], weight, None, *rest, **_other(node))

    return Weighing(
        by(weight),
        by(weight.clamp(min=0)),
        by(weight.clamp(max=0)),
        0.0 if bias is None else bias,
    )


def _other(node: Node) -> dict[str, Any]:
    return {key: value for key, value in node.kwargs.items() if key != "bias"}


def _pooled(node: Node) -> Map:
    return lambda inputs: node.op(inputs[0], *node.args[1:], **node.kwargs)


def _added(node: Node, values: dict[int, Any], slots: list[int]) -> Weighing:
    """A sum of two operands; a constant one is the bias."""
    sides = list(zip(node.args, coefficients(node), strict=True))
    still = [(a, c) for a, c in sides if not (isinstance(a, Slot) and a.number in slots)]
    bias: Any = sum(c * (values[a.number] if isinstance(a, Slot) else a) for a, c in still)
    weights = [
        sum(c for a, c in sides if isinstance(a, Slot) and a.number == slot) for slot in slots
    ]

    def by(kept: Callable[[float], float]) -> Map:
        def summed(inputs: list[Tensor]) -> Tensor:
            parts = [kept(w) * x for w, x in zip(weights, inputs, strict=True)]
            # An operand that is added to itself is one slot, with both factors in its weight.
            total = parts[0] if len(parts) == 1 else parts[0] + parts[1]
            # A constant operand may be the larger one, and the shares have the shape of the output.
            return total.expand(values[node.slot].shape)

        return summed

    return Weighing(
        by(lambda w: w),
        by(lambda w: max(w, 0.0)),
        by(lambda w: min(w, 0.0)) if min(weights) < 0 else None,
        bias,
    )
