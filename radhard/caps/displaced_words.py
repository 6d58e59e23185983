"""How many samples may a fault harm, given the displacements of its word that are safe?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.caps.word_limits import WordLimits
from radhard.space import Region

__all__ = ["harmed_samples"]

_MOST = 2**22
"""Comparisons at a time."""


def harmed_samples(region: Region, stored: Tensor, limits: WordLimits) -> npt.NDArray[np.int64]:
    """For each fault of a region, the number of samples whose limits it exceeds.

    ``stored`` are the values of the tensor, ``limits`` those of all its words. An infinite or
    undefined value exceeds the limits of every sample.
    """
    samples, variants = len(limits.low), region.variants
    step = max(1, _MOST // (samples * variants))
    parts = []
    for first in range(0, region.words, step):
        numbers = np.arange(first, min(first + step, region.words))
        words = torch.from_numpy(region.positions_of(numbers)).repeat_interleave(variants)
        values = stored.detach().flatten()[words]
        which = torch.arange(variants).repeat(len(numbers))
        faulty = region.faulty(values, words, which)
        moved = (faulty.double() - values.double()).reshape(len(numbers), variants, 1)
        low, high = (one.T[words[::variants]][:, None] for one in (limits.low, limits.high))
        kept = (moved >= low) & (moved <= high) | (moved == 0)
        kept &= moved.isfinite()
        parts.append((~kept).sum(2).flatten())
    return torch.cat(parts).numpy()
