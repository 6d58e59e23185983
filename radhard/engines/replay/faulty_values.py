"""Which value does a word have after a fault?"""

import torch
from torch import Tensor

from radhard.space import FaultSpace, Numbers

__all__ = ["faulty_values"]


def faulty_values(
    space: FaultSpace, place: int, golden: Tensor, words: Numbers, variants: Numbers
) -> Tensor:
    """The values of words after one fault each; a word whose bits stay keeps its value."""
    return space.regions[place].faulty(golden, torch.from_numpy(words), torch.from_numpy(variants))
