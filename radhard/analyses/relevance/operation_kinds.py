"""Which operations are elementwise, move, select or sum their inputs?"""

import operator
from typing import Any

import torch
from torch import Tensor

from radhard.replay import Node
from radhard.tree import tree_leaves, tree_map

__all__ = ["ADDED", "MOVED", "PICKED", "POOLED", "coefficients", "given_on", "moved_back", "moving"]

aten: Any = torch.ops.aten

GIVEN_ON = {
    aten.relu.default,
    aten.relu6.default,
    aten.hardtanh.default,
    aten.leaky_relu.default,
    aten.prelu.default,
    aten.elu.default,
    aten.selu.default,
    aten.celu.default,
    aten.sigmoid.default,
    aten.tanh.default,
    aten.softplus.default,
    aten.gelu.default,
    aten.silu.default,
    aten.hardswish.default,
    aten.hardsigmoid.default,
    aten.clamp.default,
    aten.clamp_min.default,
    aten.dropout.default,
    aten.feature_dropout.default,
    aten.contiguous.default,
    aten.clone.default,
    aten.detach.default,
    aten.alias.default,
    aten.neg.default,
    aten.mul.Scalar,
    aten.mul.Tensor,
    aten.div.Scalar,
    aten.div.Tensor,
}
"""One output per input; products and quotients only if the other operand is constant."""

MOVED = {
    aten.view.default,
    aten.reshape.default,
    aten.flatten.using_ints,
    aten.unflatten.int,
    aten.permute.default,
    aten.transpose.int,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.unsqueeze.default,
    aten.slice.Tensor,
    aten.select.int,
    aten.pad.default,
    aten.constant_pad_nd.default,
    aten.cat.default,
    aten.stack.default,
    aten.chunk.default,
    aten.split.Tensor,
    aten.split_with_sizes.default,
    operator.getitem,
}
"""Every output is one of the inputs, or a constant."""

PICKED = {
    aten.max_pool1d.default,
    aten.max_pool2d.default,
    aten.max_pool3d.default,
    aten.adaptive_max_pool2d.default,
}
"""Every output is the maximum of some inputs."""

POOLED = {
    aten.avg_pool1d.default,
    aten.avg_pool2d.default,
    aten.avg_pool3d.default,
    aten.adaptive_avg_pool1d.default,
    aten.adaptive_avg_pool2d.default,
    aten.adaptive_avg_pool3d.default,
    aten.mean.dim,
    aten.sum.dim_IntList,
}
"""Every output is a sum of inputs with positive coefficients."""

ADDED = {aten.add.Tensor, aten.sub.Tensor}
"""Elementwise sums of two operands."""


def given_on(node: Node, slots: list[int]) -> bool:
    """Whether every output is a function of one moving input."""
    if node.op not in GIVEN_ON or len(slots) != 1 or node.inputs.count(slots[0]) != 1:
        return False
    # A product commutes; of a quotient, only the numerator passes its share on.
    return node.inputs[0] == slots[0] or node.op is aten.mul.Tensor


def coefficients(node: Node) -> tuple[float, float]:
    """The factors of the two operands of a sum."""
    factor = float(node.kwargs.get("alpha", 1))
    return (1.0, -factor) if node.op is aten.sub.Tensor else (1.0, factor)


def moving(node: Node, values: dict[int, Any], constants: dict[int, Tensor]) -> list[int]:
    """The slots among a node's inputs that depend on the batch, except sizes."""
    return [
        slot
        for slot in dict.fromkeys(node.inputs)
        if slot not in constants and not isinstance(values[slot], int)
    ]


def moved_back(
    node: Node, values: dict[int, Any], slots: list[int], share: Any
) -> dict[int, Tensor | list[Tensor]]:
    """The share of every input from that of the outputs, if each output is one of the inputs.

    ``share`` and the result are tensors of the values' shapes, or lists of them.
    """
    # The gradient of such an operation moves the shares back, whatever its arguments are.
    with torch.enable_grad():
        leaves_of = {slot: tree_map(_leaf, values[slot]) for slot in slots}
        outputs = node(lambda slot: leaves_of.get(slot, values[slot]))
    sources = [
        tensor for slot in slots for tensor in tree_leaves(leaves_of[slot]) if tensor.requires_grad
    ]
    pairs = [
        (output, due)
        for output, due in zip(tree_leaves(outputs), tree_leaves(share), strict=True)
        if output.requires_grad
    ]
    dues = torch.autograd.grad(
        [output for output, _ in pairs],
        sources,
        [due for _, due in pairs],
        materialize_grads=True,
    )
    due_of = {id(source): due for source, due in zip(sources, dues, strict=True)}

    def due(source: Tensor) -> Tensor:
        # Integers, such as the positions of maxima, have no share.
        return due_of.get(id(source), torch.zeros(source.shape, device=source.device))

    return {slot: tree_map(due, leaves_of[slot]) for slot in slots}


def _leaf(value: Tensor) -> Tensor:
    # Detached, so that the derivative is that of this operation alone.
    return value.detach().requires_grad_(value.is_floating_point())
