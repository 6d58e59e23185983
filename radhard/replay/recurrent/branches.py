"""From which step on does a row go a way of its own?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.replay.recurrent.trajectory import Trajectory

__all__ = ["Branches"]


@dataclass(frozen=True)
class Branches:
    """Rows, each one sample under the fault of a trial, in the order in which they branch off.

    Until its fault shows for the first time, a row is golden. Samples that began alike differ in
    nothing under one fault: from then on they are a single row, up to the step at which their
    inputs part. ``rows`` are the rows in the order of these steps, so that those that are computed
    at a step are always the first ones, ``ends[step]`` of them. Of those that begin at a step,
    the ones up to ``joined[step]`` branch off another row, whose place in this order is in
    ``parents``; the others were golden before.
    """

    rows: Tensor
    parents: Tensor
    joined: list[int]
    ends: list[int]

    @classmethod
    def of(
        cls, trajectory: Trajectory, owner: Tensor, samples: Tensor, firsts: Tensor
    ) -> "Branches":
        """The branches of some rows.

        ``owner`` is the trial of each, ``samples`` its sample, ``firsts`` the step in which its
        fault shows first, which is the same for samples of a trial that are alike up to then.
        """
        numbers = torch.arange(len(samples), device=samples.device)
        rows, begins, parents = numbers, 2 * firsts + 1, numbers
        if not trajectory.apart:
            # One branch after another, each behind the row from which it is.
            rows = (owner * len(trajectory.ranks) + trajectory.ranks[samples]).argsort()
            parted, firsts = _parted(owner[rows], trajectory.histories[samples[rows]]), firsts[rows]
            begins = (2 * firsts + 1).where(firsts >= parted, 2 * parted)
            parents = _parents(parted)
        begins, order = begins.sort(stable=True)
        place = torch.empty_like(order)
        place[order] = numbers
        steps = torch.arange(len(trajectory.steps) + 1, device=rows.device)
        joined, ends = (
            torch.searchsorted(begins, limit, right=True).tolist()
            for limit in (2 * steps, 2 * steps + 1)
        )
        return cls(rows[order], place[parents[order]], joined, ends)


def _parted(owner: Tensor, histories: Tensor) -> Tensor:
    """The first step in which each row has another history than the row before, of one trial."""
    # Histories that are apart stay apart: the number of steps that are alike.
    together = (histories[1:] == histories[:-1]).sum(dim=1)
    found = torch.zeros(len(owner), dtype=torch.int64, device=owner.device)
    found[1:] = together.where(owner[1:] == owner[:-1], 0)
    return found


def _parents(parted: Tensor) -> Tensor:
    """The last row before each that has parted from its own before."""
    numbers = torch.arange(len(parted), device=parted.device)
    found = numbers.where(parted == 0, numbers - 1)
    while True:
        # A row that parts at that step or later goes on from where this does.
        late = (parted[found] >= parted) & (parted > 0)
        if not late.any():
            return found
        found = found[found].where(late, found)
