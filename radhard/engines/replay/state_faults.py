"""How are faults in hidden states of single samples executed, many in one pass?"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from radhard.engines.replay.sample_faults import SampleFaults
from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.overflow import may_overflow
from radhard.replay.patch import Patch
from radhard.replay.recurrent import StatePositions, kept_trajectory

__all__ = ["state_pass"]


def state_pass(faults: SampleFaults) -> Iterator[tuple[FaultyPass, Tensor]]:
    """A pass with faults in one state, and which values may overflow.

    Nothing if no fault changes a value. Each row is golden until the step of its fault.
    """
    replayer, golden = faults.plan.replayer, faults.golden
    site, node = replayer.sites[faults.place], replayer.state_nodes[faults.place]
    steps, units = np.unravel_index(faults.words, site.shape)
    if site.name.endswith("_reverse"):  # whose layer is given the sequence from its end
        steps = site.shape[0] - 1 - steps
    at = StatePositions(
        kept_trajectory(golden, node),
        "c" if ":c_l" in site.name else "h",
        *(torch.from_numpy(part) for part in (faults.samples, steps, units)),
    )
    before = at.golden()
    after = faults.values(before)
    moved = (after != before).nonzero().squeeze(1)
    if not len(moved):
        return
    # What the node outputs: the states of all steps, or the last one only.
    last = bool(node.args[-1])
    values = at.some(moved).outputs_after(after[moved], golden[node.slot], last=last)
    rows, owner = at.samples[moved], torch.from_numpy(faults.owners)[moved]
    state = FaultyPass(replayer.graph, golden, rows, owner, grouped=False)
    state.patches[node.slot] = Patch(values, (None,) * (values.ndim - 1))
    yield state, may_overflow(after[moved])
