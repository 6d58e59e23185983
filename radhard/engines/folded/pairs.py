"""How is one channel of a folded convolution computed without folding?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.replay.graph import Graph, Slot

__all__ = ["Channels", "Pair", "pairs"]

aten: Any = torch.ops.aten


@dataclass(frozen=True)
class Channels:
    """Channels of a convolution's output that remain to be normalised: ``y * factor + shift``.

    ``at`` is ``(channels,)``; ``factor`` and ``shift`` are ``(channels, 1, 1)``.
    """

    at: Tensor
    factor: Tensor
    shift: Tensor

    def normalise(self, outputs: Tensor) -> None:
        """Normalise them, in place, in outputs ``(samples, channels, height, width)``."""
        outputs[:, self.at] = outputs[:, self.at] * self.factor + self.shift


@dataclass(frozen=True)
class Pair:
    """The slots of the tensors of a convolution and of the batch normalisation folded into it.

    ``weight`` and ``bias`` are slots of the folded graph; ``weight`` and the others are slots of
    the original graph.
    """

    output: int
    weight: int
    bias: int
    own_bias: int | None
    scale: int | None
    offset: int | None
    mean: int
    variance: int
    epsilon: float

    @property
    def members(self) -> tuple[int, ...]:
        """Slots of all tensors in the original graph."""
        found = (self.weight, self.own_bias, self.scale, self.offset, self.mean, self.variance)
        return tuple(slot for slot in found if slot is not None)

    def open(
        self, own: Mapping[int, Tensor], folded: Mapping[int, Tensor], channels: Tensor
    ) -> Channels:
        """Replace some channels of the ``folded`` tensors by those of the ``own``, original ones.

        These channels are then computed without folding, and the result normalises them.
        """
        folded[self.weight][channels] = own[self.weight][channels]
        # A folded convolution has a bias also where the original has none.
        folded[self.bias][channels] = 0 if self.own_bias is None else own[self.own_bias][channels]
        factor = torch.rsqrt(own[self.variance][channels] + self.epsilon)
        if self.scale is not None:
            factor = factor * own[self.scale][channels]
        shift = -own[self.mean][channels] * factor
        if self.offset is not None:
            shift = shift + own[self.offset][channels]
        return Channels(channels, factor.reshape(-1, 1, 1), shift.reshape(-1, 1, 1))


def pairs(graph: Graph, folded: Graph) -> list[Pair]:
    """The convolutions of a graph into which a batch normalisation was folded."""
    before = {node.slot: node for node in graph.nodes}
    found = []
    for node in folded.nodes:
        norm = before.get(node.slot)  # None for a step of attention that was taken apart
        # Folding put the convolution into the slot of the norm: another operation in the same slot
        # is a pair.
        folding = norm is not None and norm.op is aten.batch_norm.default
        if norm is None or not folding or node.op is not aten.conv2d.default:
            continue
        own = before[norm.args[0].number].inputs[1:]
        scale, offset, mean, variance = (_number(arg) for arg in norm.args[1:5])
        bias = _number(node.args[2])
        assert mean is not None
        assert variance is not None
        assert bias is not None
        found.append(
            Pair(
                output=node.slot,
                weight=own[0],
                bias=bias,
                own_bias=own[1] if len(own) > 1 else None,
                scale=scale,
                offset=offset,
                mean=mean,
                variance=variance,
                epsilon=norm.args[7],
            )
        )
    return found


def _number(argument: Any) -> int | None:
    return argument.number if isinstance(argument, Slot) else None
