"""Which values may overflow, and where in a tensor do words lie?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["coordinates", "extreme"]


def coordinates(shape: tuple[int, ...], words: npt.NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Where the words of a tensor lie."""
    if not shape:
        return [()] * len(words)
    return list(zip(*(axis.tolist() for axis in np.unravel_index(words, shape)), strict=True))


def extreme(values: Tensor) -> Tensor:
    """Which values are so large that they may overflow on their way, or are no numbers.

    Where they do depends on the order of additions, and on whether norms are folded: what such a
    fault does is left to the model's own operations.

    >>> extreme(torch.tensor([1e20, -3e38, torch.nan]))
    tensor([False,  True,  True])
    """
    return ~(values.abs() < 1e-12 * torch.finfo(values.dtype).max)
