"""By how much may a weight of a linear layer change?"""

import torch
from torch import Tensor

from radhard.caps.bent_operations import PiecewiseLinear
from radhard.caps.bounded_operation import BoundedOperation
from radhard.caps.interval import Interval
from radhard.caps.margin_bound import UNDERFLOW, MarginBound
from radhard.caps.rounding_bounds import LARGEST, rounding_bound
from radhard.caps.word_limits import SHRUNK, reach, scales

__all__ = ["line_limits"]

_SIGNS = torch.tensor([1.0, -1.0], dtype=torch.float64)


def line_limits(
    bound: MarginBound, layer: BoundedOperation, activation: PiecewiseLinear | None, inputs: Tensor
) -> tuple[Tensor, Tensor]:
    """Limits of the displacements of all weights ``(neurons, inputs)``, for one sample.

    A weight moves a single number, the sum of its neuron, by the displacement times one of the
    ``inputs``. So all weights of a neuron share its limits, and what an ``activation`` behind it
    makes of the sum needs no bound: it is known.
    """
    before = bound.golden[layer.slot][0]
    start = layer.slot if activation is None else activation.slot
    after = bound.golden[start][0]
    up, down = _reach(bound, start)
    if activation is not None:
        low, high = activation.limits
        up, down = after + up, after - down
        # An activation that may rise as far as its upper limit lets its sum rise without one; as it
        # falls, likewise.
        up = torch.where(up >= high, torch.inf, up - before)
        down = torch.where(down <= low, torch.inf, before - down)
    # The golden and the faulty sum are rounded, and the latter includes the displacement.
    share = rounding_bound(layer.terms)
    error = 2 * share * layer.magnitude(bound.golden)[0] + UNDERFLOW
    up, down = (
        # A displacement is rounded too: with its own share of error it has to stay within the
        # limit.
        (((one - error) / (1 + share)).clamp(0, LARGEST) * SHRUNK)[:, None]
        for one in (up, down)
    )
    size, rising = inputs.abs(), inputs > 0
    # With a negative input the sum falls as the weight rises.
    below = torch.where(rising, down, up) / size
    above = torch.where(rising, up, down) / size
    # A product with 0 is 0, whatever the weight.
    return -below.masked_fill(size == 0, torch.inf), above.masked_fill(size == 0, torch.inf)


def _reach(bound: MarginBound, start: int) -> tuple[Tensor, Tensor]:
    """By how much every element of a slot may rise and fall, alone."""
    gradient = bound.gradients[start].flatten(1)
    # Signs, elements, classes; abs, as a margin over -0.0 is negative.
    lost = (-_SIGNS[:, None, None] * gradient.T).clamp(min=0).abs()
    found = gradient.new_zeros(2, gradient.shape[1])
    if start == bound.output:
        # Nothing behind a logit bends what it does to margins.
        each = (bound.margins * SHRUNK / lost).amin(2)
        return each[0], each[1]
    active = torch.ones_like(found, dtype=torch.bool)
    for scale in scales():
        signs, elements = active.nonzero(as_tuple=True)
        if not len(signs):
            break
        step = max(1, bound.rows // len(scale))
        for first in range(0, len(signs), step):
            sign, element = signs[first : first + step], elements[first : first + step]
            box = _box(bound.golden[start], _SIGNS[sign], element, scale)
            loss = bound.loss(start, box, None)
            most = reach(
                loss.reshaped(len(sign), len(scale)),
                bound.margins,
                lost[sign, element][:, None],
                scale,
            )
            found[sign, element] = torch.maximum(found[sign, element], most.amax(1))
            # Losses grow with the scale: where the largest of these allows nothing, larger ones do
            # not either.
            active[sign, element] = most[:, -1] > 0
    return found[0], found[1]


def _box(like: Tensor, sign: Tensor, element: Tensor, scale: Tensor) -> Interval:
    """Deviations of one element each, between 0 and each scale."""
    half = (scale / 2).repeat(len(sign))
    each = element.repeat_interleave(len(scale))[:, None]
    flat = like.new_zeros(len(half), like[0].numel())
    mid = flat.scatter(1, each, (sign.repeat_interleave(len(scale)) * half)[:, None])
    rad = flat.scatter(1, each, half[:, None])
    shape = (len(half), *like.shape[1:])
    return Interval(mid.reshape(shape), rad.reshape(shape))
