"""What are the gates of a recurrent layer in each time step, with autograd?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from radhard.replay.recurrent.recurrent_cell import Kind, RecurrentCell

__all__ = ["Gates", "Unrolled", "unrolled"]


@dataclass(frozen=True)
class Gates:
    """The inputs of the gates of a recurrent layer, by the columns of `RecurrentCell`.

    ``inputs`` are ``(features, samples, steps)``, ``before`` the states at the beginning of each
    step, ``(hidden, samples, steps)``. ``within`` is the argument of the function of each column,
    and ``factor`` the derivative of that argument by the column (None: 1), both
    ``(4 * hidden, samples, steps)``: the column is the first axis, so that what is read together is
    contiguous.
    """

    cell: RecurrentCell
    inputs: Tensor
    before: Tensor
    within: Tensor
    factor: Tensor | None

    @classmethod
    def joined(cls, parts: Sequence["Gates"]) -> "Gates":
        """Concatenate along the samples."""
        inputs, before, within = (
            torch.cat([getattr(part, name) for part in parts], dim=1)
            for name in ("inputs", "before", "within")
        )
        factors = [part.factor for part in parts if part.factor is not None]
        factor = torch.cat(factors, dim=1) if factors else None
        return cls(parts[0].cell, inputs, before, within, factor)

    @cached_property
    def slopes(self) -> Tensor:
        """The steepest slope of the function of each column: 1 of a tanh, 1/4 of a sigmoid."""
        columns = torch.arange(len(self.within), device=self.within.device)
        return self._curved(columns).to(self.within.dtype).mul_(0.75).add_(0.25)

    def _curved(self, columns: Tensor) -> Tensor:
        """Which columns are in a tanh."""
        block = columns // self.cell.hidden
        return (block == 2) if self.cell.kind == "lstm" else (block == 0) | (block == 3)

    def difference(self, columns: Tensor, change: Tensor) -> Tensor:
        """The change of some columns' gates if their sums change by ``change``.

        ``change`` is ``(columns, samples, steps)``, one column each; it is overwritten.
        """
        if self.factor is not None:
            change *= self.factor.index_select(0, columns)
        within = self.within.index_select(0, columns)
        # tanh(x) = 2 * sigmoid(2 * x) - 1, and torch computes the sigmoid several times faster; the
        # constant cancels in the difference.
        twice = (self._curved(columns) + 1).to(within.dtype)[:, None, None]
        after = change.add_(within).mul_(twice).sigmoid_()
        return after.sub_(within.mul_(twice).sigmoid_()).mul_(twice)


@dataclass(frozen=True)
class Unrolled:
    """A layer computed step by step: its states, its gates in each step, and their inputs.

    ``gate_values`` are the links, for each step: all gates of an LSTM,
    ``(samples, 4 * hidden)``; for a GRU first the reset and update gates, then the new state.
    """

    outputs: Tensor
    gate_values: list[Tensor]
    gates: Gates

    def by_column(self, links: Sequence[Tensor]) -> Tensor:
        """Tensors like ``gate_values``, by the cell's columns: ``(4 * hidden, samples, steps)``."""
        if self.gates.cell.kind == "lstm":
            return _by_column(links)
        both = zip(links[::2], links[1::2], strict=True)
        return _by_column([torch.cat([new, two, new], dim=1) for two, new in both])


def unrolled(kind: Kind, inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any) -> Unrolled:
    """A layer with an initial state of zero, without operations in place.

    ``rest`` is both biases or none, then whether only the last state is returned.
    """
    *biases, last = rest
    cell = RecurrentCell(kind, recurrent.shape[1])
    state = memory = inputs.new_zeros(len(inputs), cell.hidden)
    befores: list[Tensor] = []
    states: list[Tensor] = []
    gate_values: list[Tensor] = []
    withins: list[Tensor] = []
    factors: list[Tensor | None] = []
    apart = cell.recurrent.start
    for t in range(inputs.shape[1]):
        # Not in place, as autograd needs every step again on the way back.
        own = cell.input_sums(inputs[:, t], weight, *biases)
        more = state @ recurrent.t()
        given = torch.cat([own[:, :apart], own[:, apart:] + more], dim=1)
        befores.append(state.detach())
        step = _lstm if kind == "lstm" else _gru
        links, argument, counts, state, memory = step(cell.hidden, given, state, memory)
        gate_values += links
        withins.append(argument.detach())
        factors.append(counts)
        states.append(state)
    counted = [counts.detach() for counts in factors if counts is not None]
    gates = Gates(
        cell,
        _by_column(inputs.detach().unbind(1)),
        _by_column(befores),
        _by_column(withins),
        _by_column(counted) if counted else None,
    )
    return Unrolled(state if last else torch.stack(states, dim=1), gate_values, gates)


def _by_column(steps: Sequence[Tensor]) -> Tensor:
    """From ``(samples, columns)`` for every step to ``(columns, samples, steps)``."""
    return torch.stack([step.t() for step in steps], dim=2)


_Step = tuple[list[Tensor], Tensor, Tensor | None, Tensor, Tensor]
"""The gates, the arguments of their functions, the factor; the next state and memory."""


def _lstm(hidden: int, given: Tensor, before: Tensor, memory: Tensor) -> _Step:  # noqa: ARG001
    first, second, third, fourth = given.chunk(4, dim=1)
    gates = _link(
        torch.cat([first.sigmoid(), second.sigmoid(), third.tanh(), fourth.sigmoid()], dim=1)
    )
    enter, keep, new, leave = gates.chunk(4, dim=1)
    memory = keep * memory + enter * new
    return [gates], given, None, leave * memory.tanh(), memory


def _gru(hidden: int, given: Tensor, before: Tensor, memory: Tensor) -> _Step:
    two = _link(given[:, hidden : 3 * hidden].sigmoid())
    reset, update = two.chunk(2, dim=1)
    argument = given[:, :hidden] + reset * given[:, 3 * hidden :]
    new = _link(argument.tanh())
    # Both columns of the new state enter the same tanh; the one of the state before is multiplied
    # by the reset gate on its way, which is the factor.
    within = torch.cat([argument, given[:, hidden : 3 * hidden], argument], dim=1)
    ones = torch.ones_like(within[:, : 3 * hidden])
    state = new + update * (before - new)
    return [two, new], within, torch.cat([ones, reset], dim=1), state, memory


def _link(value: Tensor) -> Tensor:
    return value if value.requires_grad else value.detach().requires_grad_()
