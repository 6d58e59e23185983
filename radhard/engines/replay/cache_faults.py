"""How are faults in key-value caches executed, many in one pass?"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.cache_change import CacheChange
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.replay.propagation import propagate
from radhard.replay.replayer import ELEMENTS
from radhard.space import Numbers

__all__ = ["cache_passes"]


def cache_passes(
    plan: ReplayPlan,
    place: int,
    golden: dict[int, Tensor],
    trials: Numbers,
    samples: Numbers,
    words: Numbers,
    variants: Numbers,
    most: int,
) -> Iterator[tuple[FaultyPass, Tensor]]:
    """Passes that have come to the output, and which of their ``trials`` may have overflowed.

    Each trial is a row, with a fault in a cache that is in every later reading of it. A pass has at
    most ``most`` rows. ``words`` are those of a sample.
    """
    replayer = plan.replayer
    size = max(1, min(most, ELEMENTS // replayer.largest(place)))
    uses = {slot: number for number, slot in enumerate(replayer.slots[place])}
    for begin in range(0, len(trials), size):
        here = slice(begin, begin + size)
        mine, own = words[here], variants[here]
        position, *inside = np.unravel_index(mine, replayer.sites[place].shape)

        def changed(
            before: Tensor, which: Tensor, mine: Numbers = mine, own: Numbers = own
        ) -> Tensor:
            at = which.numpy()
            return faulty_values(plan.campaign.space, place, before, mine[at], own[at])

        change = CacheChange(
            uses, torch.from_numpy(position), [torch.from_numpy(part) for part in inside], changed
        )
        rows, owner = torch.from_numpy(samples[here]), torch.arange(len(mine))
        state = FaultyPass(replayer.graph, golden, rows, owner, grouped=False)
        if propagate(state, replayer.steps(place), drop=True, change=change) is None:
            continue
        assert state.owner is not None
        large = torch.zeros(len(mine), dtype=torch.bool)
        for which, after in change.met:
            large[which[may_overflow(after)]] = True
        large = large[state.owner]
        state.owner = torch.from_numpy(trials[here])[state.owner]
        yield state, large
