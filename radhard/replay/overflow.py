"""Which values are so large that they may overflow?"""

import torch
from torch import Tensor

__all__ = ["may_overflow"]


def may_overflow(values: Tensor) -> Tensor:
    """Which values are so large that they may overflow on their way, or are no numbers.

    Where they do depends on the order of additions, and on whether norms are folded: what such a
    fault does is left to the model's own operations.

    >>> may_overflow(torch.tensor([1e20, -3e38, torch.nan]))
    tensor([False,  True,  True])
    """
    return ~(values.abs() < 1e-12 * torch.finfo(values.dtype).max)
