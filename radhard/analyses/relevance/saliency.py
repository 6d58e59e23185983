"""How large are the weights on the paths from a channel to the outputs?"""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from radhard.analyses.base import Analysis, AnalysisResult
from radhard.analyses.relevance.backward import carried_back
from radhard.analyses.relevance.operation_kinds import (
    ADDED,
    MOVED,
    PICKED,
    POOLED,
    coefficients,
    given_on,
    moved_back,
)
from radhard.analyses.relevance.operation_weights import norm
from radhard.analyses.relevance.operations import LAYERS, Operations, UnfollowedError
from radhard.errors import InputError
from radhard.replay import Node, Slot
from radhard.spec import component
from radhard.tree import tree_map
from radhard.workload import Workload
from radhard.workload.geometry import repeated

__all__ = ["Saliency"]

aten: Any = torch.ops.aten


@component
class Saliency(Analysis):
    """Weight saliency: products of weight magnitudes on all paths from a filter to the logits.

    Every logit has saliency 1; through a layer, ``S_in = sum over out of S_out * |W|``, with
    kernels summed (after Hanif and Shafique, SalvageDNN, Phil. Trans. R. Soc. A 2020). Batch norms
    multiply by their scales; activations, pooling and reshapes do not change the saliency; both
    operands of a residual sum receive it. Data are used only for shapes, so that it costs one pass
    of two samples. Values grow with the number of later layers: compare them within a layer.

    ``level``: ``"channel"`` for each filter's saliency, ``"element"`` for that times the weight.

    Cost: 1 pass of 2 samples.
    """

    level: Literal["channel", "element"] = "channel"

    def find(self, workload: Workload) -> AnalysisResult:
        with workload.gradients():
            operations = Operations.of(workload, repr(self))
            batch = repeated(workload.data.rows(slice(0, 1)), 2)
            values = operations.values(workload, batch)
            start = torch.ones_like(values[operations.graph.output], dtype=torch.float64)
            saliency = carried_back(operations, values, start, self._rule)
        scores: dict[str, np.ndarray] = {}
        for slot, share in sorted(saliency.items()):
            layer = operations.layers[slot]
            node = next(node for node in operations.graph.nodes if node.slot == slot)
            # Saliency does not depend on the values, so both samples have the same.
            each = layer.by_channel(share)[0].sum(1)
            if self.level == "element":
                weight = values[node.inputs[1]].abs().double()
                each = weight * each.reshape(-1, *(1,) * (weight.ndim - 1))
            scores[layer.weight_site] = scores.get(layer.weight_site, 0.0) + each.cpu().numpy()
        if any(not np.isfinite(score).all() for score in scores.values()):
            raise InputError(f"{self!r}: the weights, or their products, contain NaN or infinity")
        return AnalysisResult(self.level, scores)

    def _rule(
        self, node: Node, values: dict[int, Any], slots: list[int], share: Any
    ) -> dict[int, Any]:
        """The saliency of each channel in total, distributed evenly over its positions."""
        if node.op in LAYERS and slots == node.inputs[:1]:
            return {slots[0]: _through(node, values, share)}
        if node.op in MOVED or node.op in POOLED:
            # The gradient of an average distributes the share evenly over the positions.
            return moved_back(node, _double(values, slots), slots, share)
        if node.op in ADDED:
            sides = zip(node.args, coefficients(node), strict=True)
            shares: dict[int, Tensor] = {}
            for side, factor in sides:
                if isinstance(side, Slot) and side.number in slots:
                    due = _narrowed(abs(factor) * share, values[side.number])
                    shares[side.number] = shares.get(side.number, 0.0) + due
            return shares
        if node.op is aten.batch_norm.default and slots == node.inputs[:1] and not node.args[5]:
            return {slots[0]: share * norm(node, values)[0].abs()}
        if node.op in PICKED:
            # Pooling may also return the positions of the maxima, which have no share.
            due = share if isinstance(share, Tensor) else share[0]
            return {slots[0]: _spread(due, values[slots[0]])}
        if given_on(node, slots):
            return {slots[0]: share * _factor(node, values, slots)}
        raise UnfollowedError(repr(self), node)


def _through(node: Node, values: dict[int, Any], share: Tensor) -> Tensor:
    """Back through a layer: by channel, and evenly over the positions of its input."""
    inputs, weight = values[node.inputs[0]], values[node.inputs[1]].abs().double()
    if node.op is aten.linear.default:
        # Summed over positions first, as all of them have the same weights.
        due = share.reshape(len(share), -1, share.shape[-1]).sum(1) @ weight
        positions = inputs[0].numel() // inputs.shape[-1]
        shape = (len(share), *(1,) * (inputs.ndim - 2), -1)
    else:
        kernels = weight.flatten(2).sum(2)
        groups = inputs.shape[1] // kernels.shape[1]
        # (samples, groups, outputs of a group); kernels are (groups, outputs, inputs of a group).
        parts = share.flatten(2).sum(2).reshape(len(share), groups, -1)
        due = torch.einsum("ngo,goi->ngi", parts, kernels.reshape(groups, -1, kernels.shape[1]))
        positions = inputs[0, 0].numel()
        shape = (len(share), -1, *(1,) * (inputs.ndim - 2))
    spread: Tensor = (due.reshape(shape) / positions).expand(inputs.shape)
    return spread


def _spread(share: Tensor, inputs: Tensor) -> Tensor:
    """The saliency of the channels of a pooled map, evenly over the positions of its input."""
    totals = share.flatten(2).sum(2) if share.ndim > 2 else share
    positions = inputs[0, 0].numel()
    shape = (*inputs.shape[:2], *(1,) * (inputs.ndim - 2))
    return (totals.reshape(shape) / positions).expand(inputs.shape)


def _narrowed(share: Tensor, inputs: Tensor) -> Tensor:
    """The sum over the axes along which an operand of an addition was broadcast."""
    narrowed: Tensor = share if share.shape == inputs.shape else share.sum_to_size(inputs.shape)
    return narrowed


def _factor(node: Node, values: dict[int, Any], slots: list[int]) -> Tensor | float:
    """The magnitude of the factor in a product or quotient with a constant."""
    if node.op not in (aten.mul.Tensor, aten.mul.Scalar, aten.div.Tensor, aten.div.Scalar):
        return 1.0
    left, other = node.args
    # The moving operand may be on either side of a product.
    if isinstance(other, Slot) and other.number in slots:
        other = left
    factor = values[other.number] if isinstance(other, Slot) else other
    size: Tensor | float = abs(factor)
    return 1.0 / size if node.op in (aten.div.Tensor, aten.div.Scalar) else size


def _double(values: dict[int, Any], slots: list[int]) -> dict[int, Any]:
    """The values, with these slots in double precision, like the saliency."""
    return {**values, **{slot: tree_map(_wide, values[slot]) for slot in slots}}


def _wide(value: Tensor) -> Tensor:
    return value.double() if value.is_floating_point() else value
