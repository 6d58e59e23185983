"""How are faults in key-value caches executed, many in one pass?"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from radhard.engines.replay.sample_faults import SampleFaults
from radhard.replay.cache_change import CacheChange
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.replay.propagation import propagate
from radhard.replay.replayer import ELEMENTS

__all__ = ["cache_passes"]


def cache_passes(faults: SampleFaults, most: int) -> Iterator[tuple[FaultyPass, Tensor]]:
    """Passes that have come to the output, and which of their rows may have overflowed.

    Each fault is in a cache, and so in every later reading of it. A pass has at most ``most`` rows.
    """
    replayer, place = faults.plan.replayer, faults.place
    size = max(1, min(most, ELEMENTS // replayer.largest(place)))
    uses = {slot: number for number, slot in enumerate(replayer.slots[place])}
    for begin in range(0, len(faults), size):
        part = faults.part(slice(begin, begin + size))
        position, *inside = map(
            torch.from_numpy, np.unravel_index(part.words, replayer.sites[place].shape)
        )

        def changed(before: Tensor, which: Tensor, part: SampleFaults = part) -> Tensor:
            return part.values(before, which.numpy())

        change = CacheChange(uses, position, inside, changed)
        rows, owner = torch.from_numpy(part.samples), torch.arange(len(part))
        state = FaultyPass(replayer.graph, faults.golden, rows, owner, grouped=False)
        if propagate(state, replayer.steps(place), drop=True, change=change) is None:
            continue
        assert state.owner is not None
        large = torch.zeros(len(part), dtype=torch.bool)
        for which, after in change.met:
            large[which[may_overflow(after)]] = True
        large = large[state.owner]
        state.owner = torch.from_numpy(part.owners)[state.owner]
        yield state, large
