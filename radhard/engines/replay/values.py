"""Which value does a struck word take?"""

import numpy as np
import torch
from torch import Tensor

from radhard.space import FaultSpace, Numbers

__all__ = ["extreme", "faulty_values"]


def faulty_values(
    space: FaultSpace, place: int, golden: Tensor, words: Numbers, variants: Numbers
) -> Tensor:
    """The values of words after one fault each; a word whose bits stay keeps its value."""
    return space.regions[place].faulty(golden, torch.from_numpy(words), torch.from_numpy(variants))


def coordinates(shape: tuple[int, ...], words: Numbers) -> list[tuple[int, ...]]:
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
