"""Which values of a tensor differ because of a fault, and what are they?"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.injection import Hits, decode_blocks
from radhard.space import FaultSpace, Numbers

__all__ = ["ValueChanges", "faulty_values", "value_changes"]


def faulty_values(
    space: FaultSpace, place: int, golden: Tensor, words: Numbers, variants: Numbers
) -> Tensor:
    """The values of words with one fault each; a word whose bits do not change keeps its value."""
    return space.regions[place].faulty(golden, torch.from_numpy(words), torch.from_numpy(variants))


@dataclass(frozen=True)
class ValueChanges:
    """What each of several trials, with one fault each, changes in a stored tensor."""

    positions: Numbers
    """The flat position of the value that may differ, ``(trials,)``."""
    golden: Tensor
    """Its fault-free values, ``(trials,)``."""
    faulty: Tensor
    """Its faulty values, ``(trials,)``; the fault-free one if the fault changes nothing."""
    several: np.ndarray
    """Whether further values differ, as after a wrong correction in a block, ``(trials,)``."""


def value_changes(
    space: FaultSpace, place: int, tensor: Tensor, words: Numbers, variants: Numbers
) -> ValueChanges:
    """The values of a fault-free tensor that faults in a region change, each fault by itself."""
    region = space.regions[place]
    device = tensor.device
    if region.by_word:
        golden = tensor.reshape(-1)[torch.from_numpy(words).to(device)]
        faulty = faulty_values(space, place, golden, words, variants)
        return ValueChanges(words, golden, faulty, np.zeros(len(words), dtype=bool))
    # A word that is decoded in a block may change any value of the block, by a wrong correction.
    hits = Hits(space.regions, np.full(len(words), place), words, variants)
    flat = tensor.reshape(-1)
    trials = np.arange(len(words))
    coded = decode_blocks(hits, lambda at: flat[torch.from_numpy(at).to(device)], trials)
    changed = coded.changed.cpu().numpy()[coded.of_fault]
    # The first value that changed; where none did, the first of the block, which then equals
    # itself.
    column = changed.argmax(axis=1)
    positions = coded.positions[coded.of_fault, column]
    golden = flat[torch.from_numpy(positions).to(device)]
    faulty = coded.values[torch.from_numpy(coded.of_fault), torch.from_numpy(column)]
    several = changed.sum(axis=1) > 1
    # Trials that change several values are executed by the reference.
    faulty = torch.where(torch.from_numpy(several).to(device), golden, faulty)
    return ValueChanges(positions, golden, faulty, several)
