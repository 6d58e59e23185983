"""What do the gates of a recurrent layer say at each step, as links in a chain of gradients?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from radhard.engines.replay.cells import Cell, Kind

__all__ = ["Gates", "Unrolled", "unrolled"]


@dataclass(frozen=True)
class Gates:
    """What goes into the gates of a recurrent layer, in the columns of `Cell`.

    ``inputs`` are ``(samples, steps, features)``, ``before`` the states at the beginning of each
    step ``(samples, steps, hidden)``; ``within`` is what the function of each column is taken of,
    and ``factor`` by how much a change of the column counts there, both
    ``(samples, steps, 4 * hidden)``.
    """

    cell: Cell
    inputs: Tensor
    before: Tensor
    within: Tensor
    factor: Tensor

    @classmethod
    def joined(cls, parts: Sequence["Gates"]) -> "Gates":
        """Samples after samples."""
        names = ("inputs", "before", "within", "factor")
        return cls(
            parts[0].cell, *(torch.cat([getattr(part, name) for part in parts]) for name in names)
        )

    def difference(self, columns: Tensor, change: Tensor) -> Tensor:
        """What some columns say if they are given more by ``change``, less what they say now.

        ``change`` is ``(samples, steps, columns)``, one column each.
        """
        within, change = self.within[:, :, columns], change * self.factor[:, :, columns]
        block = columns // self.cell.hidden
        curved = (block == 2) if self.cell.kind == "lstm" else (block == 0) | (block == 3)
        after = within + change
        return torch.where(curved, after.tanh() - within.tanh(), after.sigmoid() - within.sigmoid())


@dataclass(frozen=True)
class Unrolled:
    """A layer taken step by step: its states, what its gates say in each step, what led to that.

    ``said`` are the links: of an LSTM all gates, ``(samples, 4 * hidden)``; of a GRU reset and
    update, and then the new state.
    """

    outputs: Tensor
    said: list[Tensor]
    gates: Gates

    def by_column(self, links: Sequence[Tensor]) -> Tensor:
        """Tensors like ``said`` in the columns of `Cell`: ``(samples, steps, 4 * hidden)``."""
        if self.gates.cell.kind == "lstm":
            return torch.stack(list(links), dim=1)
        both = zip(links[::2], links[1::2], strict=True)
        return torch.stack([torch.cat([new, two, new], dim=1) for two, new in both], dim=1)


def unrolled(kind: Kind, inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any) -> Unrolled:
    """A layer that starts from zero, with nothing overwritten.

    ``rest`` is both biases or none, then whether only the last state is asked for.
    """
    *biases, last = rest
    cell = Cell(kind, recurrent.shape[1])
    state = memory = inputs.new_zeros(len(inputs), cell.hidden)
    befores: list[Tensor] = []
    states: list[Tensor] = []
    said: list[Tensor] = []
    withins: list[Tensor] = []
    factors: list[Tensor] = []
    apart = cell.recurrent.start
    for t in range(inputs.shape[1]):
        own = cell.given(inputs[:, t], weight, *biases)
        more = state @ recurrent.t()
        given = torch.cat([own[:, :apart], own[:, apart:] + more], dim=1)
        befores.append(state.detach())
        step = _lstm if kind == "lstm" else _gru
        links, argument, counts, state, memory = step(cell.hidden, given, state, memory)
        said += links
        withins.append(argument.detach())
        factors.append(counts.detach())
        states.append(state)
    before, within, factor = (torch.stack(part, dim=1) for part in (befores, withins, factors))
    outputs = state if last else torch.stack(states, dim=1)
    return Unrolled(outputs, said, Gates(cell, inputs.detach(), before, within, factor))


_Step = tuple[list[Tensor], Tensor, Tensor, Tensor, Tensor]
"""What the gates say, within what, by which factor; the next state and memory."""


def _lstm(hidden: int, given: Tensor, before: Tensor, memory: Tensor) -> _Step:  # noqa: ARG001
    first, second, third, fourth = given.chunk(4, dim=1)
    gates = _link(
        torch.cat([first.sigmoid(), second.sigmoid(), third.tanh(), fourth.sigmoid()], dim=1)
    )
    enter, keep, new, leave = gates.chunk(4, dim=1)
    memory = keep * memory + enter * new
    return [gates], given, torch.ones_like(given), leave * memory.tanh(), memory


def _gru(hidden: int, given: Tensor, before: Tensor, memory: Tensor) -> _Step:
    two = _link(given[:, hidden : 3 * hidden].sigmoid())
    reset, update = two.chunk(2, dim=1)
    argument = given[:, :hidden] + reset * given[:, 3 * hidden :]
    new = _link(argument.tanh())
    within = torch.cat([argument, given[:, hidden : 3 * hidden], argument], dim=1)
    ones = torch.ones_like(within[:, : 3 * hidden])
    state = new + update * (before - new)
    return [two, new], within, torch.cat([ones, reset], dim=1), state, memory


def _link(value: Tensor) -> Tensor:
    return value if value.requires_grad else value.detach().requires_grad_()
