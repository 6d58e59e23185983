"""How are faults in hidden states of single samples executed, many in one pass?"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.replay.patch import Patch
from radhard.replay.recurrent import StatePositions, kept_trajectory
from radhard.space import Numbers

__all__ = ["state_pass"]


def state_pass(
    plan: ReplayPlan,
    place: int,
    golden: dict[int, Tensor],
    trials: Numbers,
    samples: Numbers,
    words: Numbers,
    variants: Numbers,
) -> Iterator[tuple[FaultyPass, Tensor]]:
    """A pass with the faults of some trials in one state, and which values may overflow.

    Nothing if no fault changes a value. ``words`` are those of a sample. Each trial is a row, which
    is golden until the step of its fault.
    """
    site, node = plan.replayer.sites[place], plan.replayer.state_nodes[place]
    steps, units = np.unravel_index(words, site.shape)
    if site.name.endswith("_reverse"):  # whose layer is given the sequence from its end
        steps = site.shape[0] - 1 - steps
    at = StatePositions(
        kept_trajectory(golden, node),
        "c" if ":c_l" in site.name else "h",
        *(torch.from_numpy(part) for part in (samples, steps, units)),
    )
    before = at.golden()
    after = faulty_values(plan.campaign.space, place, before, words, variants)
    moved = (after != before).nonzero().squeeze(1)
    if not len(moved):
        return
    # What the node outputs: the states of all steps, or the last one only.
    last = bool(node.args[-1])
    values = at.some(moved).outputs_after(after[moved], golden[node.slot], last=last)
    rows, owner = at.samples[moved], torch.from_numpy(trials)[moved]
    state = FaultyPass(plan.replayer.graph, golden, rows, owner, grouped=False)
    state.patches[node.slot] = Patch(values, (None,) * (values.ndim - 1))
    yield state, may_overflow(after[moved])
