"""By how much may a weight change that counts at many positions?"""

import torch
from torch import Tensor

from radhard.caps.bounded_operation import BoundedOperation
from radhard.caps.interval import Interval
from radhard.caps.margin_bound import UNDERFLOW, Loss, MarginBound
from radhard.caps.rounding_bounds import LARGEST, rounding_bound
from radhard.caps.weight_use import Part, WeightUse
from radhard.caps.word_limits import SHRUNK, reach, scales

__all__ = ["box_limits"]

_DOUBLE = 2.0**-40
"""More than the relative error of a sum over the positions of a map, in float64."""


def box_limits(
    bound: MarginBound, layer: BoundedOperation, use: WeightUse, patterns: Tensor, part: Part
) -> tuple[Tensor, Tensor]:
    """Limits of the displacements of all words ``(channels, taps)``, for one sample.

    The tangent is that of each word. Its remainder is bounded for all words of a ``part`` of a
    channel together: whatever a displacement of one of them makes of the output is within the
    limits of their patterns, at every position.
    """
    box = _Boxes(bound, layer, use, patterns, part)
    found = box.slope.new_zeros(2, *box.slope.shape[1:3])
    active = torch.ones(2, box.channels, box.parts, dtype=torch.bool)
    for scale in scales():
        if not active.any():
            break
        # Scales ascend: parts that lose a margin at one of them are not tried at larger ones.
        loss, active = box.loss(active, scale)
        for at, size in enumerate(scale):
            # (signs, channels, taps, classes)
            each = Loss(*(one[:, :, box.part_of, at] for one in (loss.bent, loss.whole)))
            found = torch.maximum(found, reach(each, bound.margins, box.slope, size))
    # A product with 0 is 0, whatever the weight.
    idle = (patterns == 0).all(2)[box.group_of]
    found = (found.clamp(max=LARGEST) * SHRUNK).masked_fill(idle, torch.inf)
    return -found[1], found[0]


class _Boxes:
    """The boxes of all parts of all channels, for one sample."""

    def __init__(
        self,
        bound: MarginBound,
        layer: BoundedOperation,
        use: WeightUse,
        patterns: Tensor,
        part: Part,
    ) -> None:
        self._bound, self._layer, self._use = bound, layer, use
        gradient = use.by_channel(bound.gradients[layer.slot])  # classes, channels, positions
        self.channels, groups = gradient.shape[1], len(patterns)
        self.group_of = torch.arange(self.channels) // (self.channels // groups)
        self.part_of = use.part_of(part)
        self.parts = int(self.part_of[-1]) + 1
        self.slope = self._slope(gradient, patterns)
        at = self.part_of[None, :, None].expand_as(patterns)
        none = patterns.new_zeros(groups, self.parts, patterns.shape[2])
        self._low = none.scatter_reduce(1, at, patterns, "amin")
        self._high = none.scatter_reduce(1, at, patterns, "amax")
        self._magnitude = use.by_channel(layer.magnitude(bound.golden))[0]

    def _slope(self, gradient: Tensor, patterns: Tensor) -> Tensor:
        """What margins lose for each unit of a word, ``(signs, channels, taps, classes)``."""
        grouped = gradient.reshape(len(gradient), len(patterns), -1, gradient.shape[2])
        sums = torch.einsum("cgop,gtp->gotc", grouped, patterns).flatten(0, 1)
        error = torch.einsum("cgop,gtp->gotc", grouped.abs(), patterns.abs()).flatten(0, 1)
        # A margin that rises with the word loses nothing; that the sum itself is rounded counts all
        # the same.
        return torch.stack([-sums, sums]).clamp(min=0) + error * _DOUBLE

    def loss(self, active: Tensor, scale: Tensor) -> tuple[Loss, Tensor]:
        """What margins lose within boxes of some scales; and which parts can go on.

        ``(signs, channels, parts, scales, classes)``, infinite where a part is not ``active``.
        """
        bound = self._bound
        shape = (*active.shape, len(scale), len(bound.margins))
        bent, whole = (scale.new_full(shape, torch.inf) for _ in range(2))
        # A row is a box of each scale: as many in a pass as the bound takes at a time.
        rows, step = active.nonzero(), max(1, bound.rows // len(scale))
        for first in range(0, len(rows), step):
            sign, channel, part = rows[first : first + step].unbind(1)
            box, rounding = self._made(sign, channel, part, scale)
            loss = bound.loss(self._layer.slot, box, rounding).reshaped(len(sign), len(scale))
            bent[sign, channel, part] = loss.bent
            whole[sign, channel, part] = loss.whole
        margins = bound.margins * SHRUNK
        alive = ((margins > bent) | (margins > whole)).all(-1)[..., -1]
        return Loss(bent, whole), active & alive

    def _made(
        self, sign: Tensor, channel: Tensor, part: Tensor, scale: Tensor
    ) -> tuple[Interval, Tensor]:
        """The boxes in the shape of the output, and how far rounding exceeds them."""
        group = self.group_of[channel]
        low, high = (
            one[group, part][:, None] * scale[:, None] for one in (self._low, self._high)
        )  # rows, scales, positions; the patterns' limits include 0
        # A negative displacement turns the limits of the pattern round.
        up = (sign == 0)[:, None, None]
        low, high = torch.where(up, low, -high), torch.where(up, high, -low)
        size = torch.maximum(high, -low)
        own = self._magnitude[channel][:, None]
        error = rounding_bound(self._layer.terms) * (2 * own + size) + UNDERFLOW
        error = error.masked_fill(size == 0, 0.0).masked_fill(own + size > LARGEST, torch.inf)
        box = Interval.between(low, high)
        return Interval(self._placed(box.mid, channel), self._placed(box.rad, channel)), (
            self._placed(error, channel)
        )

    def _placed(self, values: Tensor, channel: Tensor) -> Tensor:
        """Values ``(rows, scales, positions)`` in their channels, 0 elsewhere."""
        rows, scales_, positions = values.shape
        whole = values.new_zeros(rows * scales_, self.channels, positions)
        whole[torch.arange(rows * scales_), channel.repeat_interleave(scales_)] = values.flatten(
            0, 1
        )
        return self._use.like_outputs(whole, self._bound.golden[self._layer.slot])
