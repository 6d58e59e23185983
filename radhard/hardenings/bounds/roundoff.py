"""How far may a value pass the largest one seen by rounding alone?"""

import torch
from torch import Tensor

__all__ = ["widened"]

_SINGLE = 2.0**-17
"""64 times the rounding of a single-precision number: what another order of sums may come to."""


def widened(seen: Tensor, *, down: bool = False) -> Tensor:
    """Bounds of what was seen, with room for rounding: a 130,000th of the largest among them.

    Another library, processor or size of batch adds up in another order, and gives what was the
    largest value by a hair larger; where what is out of bounds becomes zero, that is lost, without
    any fault. Numbers of less precision get four times their rounding. ``down``: the lower ends.

    >>> widened(torch.tensor([1.0, 4.0])).tolist()
    [1.000030517578125, 4.000030517578125]
    """
    room = seen.abs().amax() * max(_SINGLE, 4 * torch.finfo(seen.dtype).eps)
    return seen - room if down else seen + room
