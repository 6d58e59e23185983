"""Which predictions are inferred to be unchanged by a faulty activation of one sample?"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from radhard.engines.bracket.lines import Flags
from radhard.engines.first_order.bounds import Bounds, share_of
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.replay.faulty_values import faulty_values
from radhard.replay.crop import crop
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.replay.patch import Patch
from radhard.replay.propagation import propagate
from radhard.space import Numbers

__all__ = ["UnchangedTrials", "unchanged"]


@dataclass(frozen=True)
class UnchangedTrials:
    """For each trial: is the prediction unchanged, does the word change, may sums overflow?"""

    stays: Flags
    moved: Flags
    extreme: Flags


def unchanged(outlook: Outlook, place: int, faults: Numbers, bounds: Bounds) -> UnchangedTrials:
    """Inference for faults in one word of one sample each, all in one site."""
    plan = outlook.plan
    replayer = plan.replayer
    (slot,), goal = replayer.slots[place], outlook.goals.get(place)
    shape = plan.campaign.space.sites[place].shape
    _, words, variants = plan.campaign.space.locate(faults)
    samples, inner = np.divmod(words, math.prod(shape))
    stays, moved, risky = (np.zeros(len(faults), dtype=bool) for _ in range(3))
    starts = [torch.from_numpy(axis) for axis in np.unravel_index(inner, shape)]
    for piece in replayer.pieces:
        here = np.flatnonzero((samples >= piece.start) & (samples < piece.stop))
        if not len(here):
            continue
        golden, own = replayer.golden(piece), torch.from_numpy(here)
        rows = torch.from_numpy(samples[here] - piece.start)
        where = tuple(start[own] for start in starts)
        before = golden[slot][(rows, *where)]
        after = faulty_values(plan.campaign.space, place, before, inner[here], variants[here])
        moved[here] = (after != before).cpu().numpy()
        risky[here] = may_overflow(after).cpu().numpy() & moved[here]
        # Without gradients nothing is inferred; whether a word moves, and how far, is known all the
        # same.
        weights = None if goal is None else outlook.weights(piece).get((goal.slot, False))
        if goal is None or weights is None:
            continue
        state = FaultyPass(replayer.graph, golden, rows, grouped=False)
        state.patches[slot] = Patch(after.reshape(-1, *[1] * len(shape)), where)
        if goal.steps:
            propagate(state, goal.steps, goal.slot, drop=False)
        delta = state.delta(goal.slot)
        sizes = delta.values.abs()
        weight = crop(weights.weight, rows, delta.starts, sizes)
        parts = (sizes * weight).flatten(1).sum(dim=1)
        length = torch.linalg.vector_norm(sizes.flatten(1), dim=1)
        stays[here] = bounds.hold(parts, share_of(length, weights.length[rows])).cpu().numpy()
    # A word that does not change needs no inference: its outputs are golden.
    return UnchangedTrials(stays & moved, moved, risky)
