"""From which step on does a row go a way of its own?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.replay.recurrent.trajectory import Trajectory

__all__ = ["Branches"]


@dataclass(frozen=True)
class Branches:
    """Rows, each one sample under the fault of a trial, in the order in which they branch off.

    Samples that began alike differ in nothing under one fault: they are a single row up to the step
    at which their inputs part. ``rows`` are the rows in the order of these steps, so that those
    that are computed at a step are always the first ones, ``ends[step]`` of them. ``parents`` is
    the place in this order of the row from which each branches off, or its own.
    """

    rows: Tensor
    parents: Tensor
    ends: list[int]

    @classmethod
    def of(cls, trajectory: Trajectory, owner: Tensor, samples: Tensor) -> "Branches":
        """The branches of some rows; ``owner`` is the trial of each, ``samples`` its sample."""
        steps, numbers = len(trajectory.steps), torch.arange(len(samples), device=samples.device)
        if trajectory.apart:
            return cls(numbers, numbers, [len(samples)] * steps)
        rank = trajectory.ranks[samples]
        # One branch after another, each behind the row from which it is.
        rows = (owner * len(trajectory.ranks) + rank).argsort()
        owner, history = owner[rows], trajectory.histories[samples[rows]]
        births = torch.zeros_like(rows)
        # Histories that are apart stay apart: the first step that differs is the number of the
        # others.
        together = (history[1:] == history[:-1]).sum(dim=1)
        births[1:] = together.where(owner[1:] == owner[:-1], 0)
        parents = numbers.where(births == 0, numbers - 1)
        while True:
            # A row that branches off itself at that step or later goes on from where this does.
            late = (births[parents] >= births) & (births > 0)
            if not late.any():
                break
            parents = parents[parents].where(late, parents)
        births, order = births.sort(stable=True)
        place = torch.empty_like(order)
        place[order] = numbers
        ends = torch.searchsorted(births, torch.arange(steps, device=rows.device), right=True)
        return cls(rows[order], place[parents[order]], ends.tolist())
