"""What does a changed hidden or cell state make of the states that follow?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from radhard.internals import product
from radhard.replay.recurrent.trajectory import Trajectory

__all__ = ["StatePositions"]

_ROWS = 1600
"""Rows of one loop over the steps: what a step computes of them fits into a processor's cache."""


@dataclass(frozen=True)
class StatePositions:
    """One unit of a state each, after a step of a sample: ``samples``, ``steps``, ``units``."""

    trajectory: Trajectory
    state: Literal["h", "c"]
    samples: Tensor
    steps: Tensor
    units: Tensor

    def some(self, rows: Tensor) -> "StatePositions":
        """Some of them."""
        parts = (self.samples[rows], self.steps[rows], self.units[rows])
        return StatePositions(self.trajectory, self.state, *parts)

    def golden(self) -> Tensor:
        """The fault-free values, ``(rows,)``."""
        values = self.trajectory.inputs.new_empty(len(self.samples))
        for t in sorted(set(self.steps.tolist())):
            here = (self.steps == t).nonzero().squeeze(1)
            step = self.trajectory.steps[t]
            every = step.state if self.state == "h" else self.trajectory.memories[t]
            values[here] = every[step.of[self.samples[here]], self.units[here]]
        return values

    def outputs_after(self, values: Tensor, golden: Tensor, *, last: bool) -> Tensor:
        """The states of the layer if each position has another value, one a row.

        ``golden`` are the states of all samples, ``(samples, steps, hidden)`` or the last ones; the
        states that are returned are of the same kind. Before its step a row is golden.
        """
        found = golden.index_select(0, self.samples)
        # In the order of their steps, the rows that have begun are always the first ones.
        order = self.steps.argsort(stable=True)
        for rows in torch.split(order, _ROWS):
            found[rows] = self.some(rows)._followed(values[rows], found[rows], last=last)
        return found

    def _followed(self, values: Tensor, found: Tensor, *, last: bool) -> Tensor:
        """The states of rows that are in the order of their steps."""
        trajectory, cell = self.trajectory, self.trajectory.cell
        recurrent = trajectory.recurrent.contiguous()
        steps, many = trajectory.steps, len(trajectory.steps)
        # How many rows have met their fault once a step is over.
        begun = torch.searchsorted(self.steps, torch.arange(many), right=True).tolist()
        state = memory = golden = trajectory.inputs.new_empty(0, cell.hidden)
        for t in range(int(self.steps[0]), many):
            step, before = steps[t], len(state)
            of = step.of[self.samples[: begun[t]]]
            if before:
                sums = step.sums[of[:before]]
                # The golden sums plus what the difference of the states adds: a row without a
                # difference stays golden to the last bit.
                sums[:, cell.recurrent] += product(state - golden, recurrent)
                state, memory = cell.step(sums, state, memory)
            rows = torch.arange(begun[t] - before)
            fresh = [step.state[of[before:]], trajectory.memories[t][of[before:]]]
            fresh[self.state == "c"][rows, self.units[before : begun[t]]] = values[
                before : begun[t]
            ]
            state, memory = torch.cat([state, fresh[0]]), torch.cat([memory, fresh[1]])
            golden = step.state[of]
            if not last:
                found[: begun[t], t] = state
        return state if last else found
