"""Which value does a word have with a fault?"""

import torch
from torch import Tensor

from radhard.space import FaultSpace, Numbers

__all__ = ["faulty_values"]


def faulty_values(
    space: FaultSpace, place: int, golden: Tensor, words: Numbers, variants: Numbers
) -> Tensor:
    """The values of words with one fault each; a word whose bits do not change keeps its value."""
    return space.regions[place].faulty(golden, torch.from_numpy(words), torch.from_numpy(variants))
