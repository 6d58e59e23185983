"""How fast can a margin fall, at most, while a word changes?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.caps.weight_use import WeightUse
from radhard.replay.graph import Graph, Node, Slot

__all__ = ["Way", "relative_gradients", "way_of"]

aten: Any = torch.ops.aten

_NEAREST = 1e-30
"""Lower limit of a margin, so that any change of a tie exceeds it."""


@dataclass(frozen=True)
class Way:
    """The operations behind a layer that treat each channel by itself, up to a slot.

    Their slope is taken to be that of the identity, whatever the golden value: a neuron that is
    silent may speak with a fault, and any element of a window may become its maximum.
    """

    slot: int
    factor: Tensor | None
    """Of each channel, by batch normalization."""
    pooling: tuple[Any, ...] | None
    """The arguments of the max-pooling, if there is one."""

    def slopes(self, use: WeightUse, weights: Tensor, patterns: Tensor, like: Tensor) -> Tensor:
        """The largest slope of each word, ``(channels, taps)``.

        ``weights``: of the elements of the slot, ``(rivals, ...)``; ``patterns`` of the taps and
        ``like`` of the layer's outputs are those of one sample.
        """
        sizes = patterns.abs()
        if self.pooling is not None:
            maps = sizes.reshape(-1, 1, *like.shape[2:])
            # A window passes whichever of its elements deviates most, not the one that was its
            # golden maximum.
            sizes = nnf.max_pool2d(maps, *self.pooling).reshape(*sizes.shape[:2], -1)
        own = use.by_channel(weights) if weights.ndim > 2 else weights[:, :, None]
        # Channels of a group read the same inputs: c rivals, g groups, o channels of each, t taps,
        # p positions.
        grouped = own.reshape(len(own), len(sizes), -1, own.shape[2])
        found = torch.einsum("cgop,gtp->cgot", grouped, sizes).flatten(1, 2).amax(0)
        return found if self.factor is None else found * self.factor[:, None].abs()


def way_of(graph: Graph, users: dict[int, list[int]], layer: Node) -> Way:
    """The way behind a layer: normalization, sums, activations, and one max-pooling."""
    slot, factor, pooling = layer.slot, None, None
    # The way ends at a value with several users, whose effects its gradient adds up, and at the
    # output.
    while len(users.get(slot, [])) == 1 and slot != graph.output:
        node = graph.nodes[users[slot][0]]
        if node.op is aten.batch_norm.default and node.args[0] == Slot(slot):
            scale, _, _, variance = (
                None if arg is None else graph.constants.get(arg.number) for arg in node.args[1:5]
            )
            if variance is None:
                break
            own = torch.rsqrt(variance + node.args[7])
            own = own if scale is None else own * scale
            factor = own if factor is None else factor * own
        elif node.op is aten.max_pool2d.default and pooling is None:
            pooling = tuple(node.args[1:])
        elif node.op not in _LIKE_IDENTITY or pooling is not None:
            break
        slot = node.slot
    return Way(slot, factor, pooling)


_LIKE_IDENTITY = {
    aten.add.Tensor,
    aten.add_.Tensor,
    aten.dropout.default,
    aten.relu.default,
    aten.relu_.default,
    aten.relu6.default,
    aten.hardtanh.default,
    aten.hardtanh_.default,
    aten.leaky_relu.default,
    aten.leaky_relu_.default,
    aten.gelu.default,
    aten.silu.default,
    aten.silu_.default,
    aten.hardswish.default,
    aten.hardswish_.default,
    aten.tanh.default,
    aten.sigmoid.default,
}
"""Operations of which the slope is at most about 1, for each element by itself."""


def relative_gradients(
    graph: Graph, inputs: Sequence[Tensor], slots: Sequence[int], rivals: int
) -> dict[int, Tensor]:
    """Absolute gradients of the margins over the nearest rivals, as shares of these margins.

    By slot ``(samples, rivals, ...)``; in the output the sample has the classes with the largest
    logits besides its own.
    """
    if not slots:
        return {}
    values: dict[int, Any] = {
        **{slot: tensor.detach() for slot, tensor in graph.constants.items()},
        **{slot: one.detach() for slot, one in zip(graph.inputs, inputs, strict=True)},
    }
    leaves: dict[int, Tensor] = {}
    with torch.inference_mode(False), torch.enable_grad():
        for node in graph.nodes:
            value = node(values.__getitem__)
            if node.slot in slots:
                # The gradient by zeros that are added to a value is that by the value, wherever it
                # comes from.
                leaves[node.slot] = torch.zeros_like(value).requires_grad_()
                value = value + leaves[node.slot]
            values[node.slot] = value
        order = values[graph.output].detach().argsort(stable=True, dim=1, descending=True)
        sorted_logits = values[graph.output].gather(1, order)
        margins = sorted_logits[:, :1] - sorted_logits[:, 1 : rivals + 1]
        # Detached, so that a gradient is a share of the golden margin, and not that of a constant
        # 1.
        relative = margins / margins.detach().clamp(min=_NEAREST)
        known = list(leaves)
        parts = [
            torch.autograd.grad(one.sum(), [leaves[slot] for slot in known], retain_graph=True)
            for one in relative.unbind(1)
        ]
    return {
        slot: torch.stack([part[at] for part in parts], dim=1).abs()
        for at, slot in enumerate(known)
    }
