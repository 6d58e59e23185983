"""What does a recurrent layer compute without faults, step by step?"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from radhard.replay.recurrent.recurrent_cell import Kind, RecurrentCell

__all__ = ["Step", "Trajectory", "golden_trajectory"]


@dataclass
class Step:
    """One step of all distinct histories: samples that began alike are computed once.

    ``sample`` is one sample of each history, ``parent`` the history of the step before that it
    goes on (None: that of the same number), ``of`` the history of each sample. ``sums`` are the
    pre-activations, ``(histories, 4 * hidden)``, ``state`` the state that follows.
    """

    sample: Tensor
    parent: Tensor | None
    of: Tensor
    sums: Tensor
    state: Tensor


@dataclass
class Trajectory:
    """What a recurrent layer computes without faults."""

    cell: RecurrentCell
    inputs: Tensor
    weight: Tensor
    recurrent: Tensor
    steps: list[Step]

    @cached_property
    def memories(self) -> list[Tensor]:
        """What an LSTM remembers after each step, ``(histories, hidden)``; zeros of a GRU."""
        found, memory = [], self.inputs.new_zeros(1, self.cell.hidden)
        for step in self.steps:
            before = memory if step.parent is None else memory[step.parent]
            if self.cell.kind == "lstm":
                # The state before has no part in it but by the sums, which are known.
                _, memory = self.cell.step(step.sums.clone(), before, before)
            else:
                memory = self.inputs.new_zeros(len(step.sample), self.cell.hidden)
            found.append(memory)
        return found

    @cached_property
    def apart(self) -> bool:
        """Whether no two samples begin alike."""
        return len(self.steps[0].sample) == len(self.inputs)

    @cached_property
    def histories(self) -> Tensor:
        """The history of each sample at each step, ``(samples, steps)``."""
        return torch.stack([step.of for step in self.steps], dim=1).int()

    @cached_property
    def ranks(self) -> Tensor:
        """The place of each sample in an order in which those that began alike stand together."""
        order = torch.arange(len(self.inputs), device=self.inputs.device)
        for step in reversed(self.steps):
            order = order[step.of[order].argsort(stable=True)]
        return order.argsort()

    @cached_property
    def inputs_by_step(self) -> Tensor:
        """The inputs, contiguous for each step: ``(steps, samples, features)``."""
        return self.inputs.transpose(0, 1).contiguous()

    def before(self, step: int, samples: Tensor) -> tuple[Tensor, Tensor]:
        """The states and memories of some samples before a step."""
        if step == 0:
            zeros = self.inputs.new_zeros(len(samples), self.cell.hidden)
            return zeros, zeros
        number = self.steps[step - 1].of[samples]
        return self.steps[step - 1].state[number], self.memories[step - 1][number]

    def outputs(self, *, last: bool) -> Tensor:
        """The states of all samples, ``(samples, steps, hidden)``, or the last ones."""
        if last:
            return self.steps[-1].state[self.steps[-1].of]
        return torch.stack([step.state[step.of] for step in self.steps], dim=1)


def golden_trajectory(
    kind: Kind, inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any
) -> Trajectory:
    """The golden trajectory from inputs ``(samples, steps, features)``.

    ``rest`` is both biases or none, and a last argument that does not matter here.
    """
    *biases, _ = rest
    cell = RecurrentCell(kind, recurrent.shape[1])
    steps: list[Step] = []
    state = memory = inputs.new_zeros(1, cell.hidden)
    before = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
    for t in range(inputs.shape[1]):
        now = inputs[:, t]
        sample, of = _histories(before, now)
        parent = before[sample]
        sums = cell.input_sums(now[sample], weight, *biases)
        state, memory = state[parent], memory[parent]
        sums[:, cell.recurrent] += state @ recurrent.t()
        # The step overwrites them, and faults add to them later.
        kept = sums.clone()
        state, memory = cell.step(sums, state, memory)
        same = len(steps) > 0 and len(sample) == len(steps[-1].sample)
        steps.append(Step(sample, None if same else parent, of, kept, state))
        before = of
    return Trajectory(cell, inputs, weight, recurrent, steps)


def _histories(before: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
    """The first sample of each distinct history, in order, and the history of each sample."""
    if int(before.max()) == len(before) - 1:  # all are distinct already
        return torch.arange(len(before), device=before.device), before
    # Histories that were apart stay apart, however alike their inputs are now.
    # In double precision, which holds every number of a history and every input exactly.
    rows = torch.cat([before[:, None].double(), now.double()], dim=1)
    _, which = torch.unique(rows, dim=0, return_inverse=True)
    count = int(which.max()) + 1
    numbers = torch.arange(len(rows), device=rows.device)
    first = numbers.new_full((count,), len(rows)).scatter_reduce(0, which, numbers, "amin")
    # Numbered by their first samples, not by their values: the order then does not depend on how
    # values sort.
    sample, order = first.sort()
    return sample, order.argsort()[which]
