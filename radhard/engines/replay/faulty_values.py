"""Which value does a word have after a fault?"""

import torch
from torch import Tensor

from radhard.space import FaultSpace, Numbers

__all__ = ["faulty_values"]


def faulty_values(
    space: FaultSpace, place: int, golden: Tensor, words: Numbers, variants: Numbers
) -> Tensor:
    """The values of words after one fault each; a word whose bits stay keeps its value."""
    site = space.sites[place]
    format = space.fitted[place].take(torch.from_numpy(words).to(golden.device), site.shape)
    before = format.encode(golden)
    after = space.fault.corrupt(before, torch.from_numpy(variants).to(golden.device), format)
    return torch.where(after == before, golden, format.decode(after).to(golden.dtype))
