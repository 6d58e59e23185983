"""How far may a value exceed the largest observed one due to rounding?"""

import torch
from torch import Tensor

__all__ = ["widened"]

_SINGLE = 2.0**-17
"""64 times the rounding error in single precision: the effect of another order of summation."""


def widened(seen: Tensor, *, down: bool = False) -> Tensor:
    """Observed bounds with a tolerance for rounding: a 130,000th of the largest among them.

    Another library, processor or batch size sums in another order, so that the largest value may be
    slightly larger; if values out of bounds become zero, it would be lost without any fault. The
    tolerance in lower precisions is four times the rounding error. ``down``: for lower bounds.

    >>> widened(torch.tensor([1.0, 4.0])).tolist()
    [1.000030517578125, 4.000030517578125]
    """
    # Of the largest bound of all: the rounding error of a sum follows the size of its terms, not of
    # its result.
    room = seen.abs().amax() * max(_SINGLE, 4 * torch.finfo(seen.dtype).eps)
    return seen - room if down else seen + room
