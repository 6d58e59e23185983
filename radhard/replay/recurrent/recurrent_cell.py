"""What does one step of a recurrent layer do?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as nnf

__all__ = ["Kind", "RecurrentCell", "RoundingError", "Side"]

Kind = Literal["lstm", "gru"]

_ROUNDINGS = 4
"""Roundings of a gate, a product and a sum, in units of the last place."""

Side = Literal[0, 1]
"""What a weight is multiplied by: 0 on the inputs, 1 on the state before."""


@dataclass(frozen=True)
class RecurrentCell:
    """A step of an LSTM or a GRU, from the pre-activations of its gates, ``(rows, 4 * hidden)``.

    The columns of an LSTM are those of its weights: input, forget, cell, output. Those of a GRU
    are the sum of the inputs for the new state, then reset, update, and the sum of the state
    before for the new state, which the reset gate multiplies apart.
    """

    kind: Kind
    hidden: int

    def column(self, side: Side, row: int) -> int:
        """The column to which a row of a weight, or of a bias, contributes."""
        if self.kind == "lstm":
            return row
        # torch orders reset, update, new; the new state has a column for the inputs, in front, and
        # one for the state, at the end.
        if side == 1 or row < 2 * self.hidden:
            return self.hidden + row
        return row - 2 * self.hidden

    @property
    def recurrent(self) -> slice:
        """The columns, in order, of the weight of the state before."""
        return slice(0 if self.kind == "lstm" else self.hidden, 4 * self.hidden)

    def input_sums(self, inputs: Tensor, weight: Tensor, *biases: Tensor) -> Tensor:
        """The part of the inputs and biases in the pre-activations, ``(rows, 4 * hidden)``."""
        if self.kind == "lstm":
            return nnf.linear(inputs, weight, biases[0] + biases[1] if biases else None)
        two = 2 * self.hidden
        both = nnf.linear(inputs, weight, biases[0] if biases else None)
        last = biases[1] if biases else both.new_zeros(3 * self.hidden)
        # The second bias of the new state is multiplied by the reset gate, and so belongs to the
        # state's column.
        state = last[two:].expand(len(inputs), -1)
        return torch.cat([both[:, two:], both[:, :two] + last[:two], state], dim=1)

    def rounding(self, gates: Sequence[Tensor], memory: Tensor, carried: Tensor) -> "RoundingError":
        """A bound on what rounding may add to the state of one unit a row, ``(rows,)``.

        ``gates`` are the unit's in each part of the columns after a step, ``memory`` is what it
        started from, ``carried`` the rounding that is in it.
        """
        eps = _ROUNDINGS * torch.finfo(memory.dtype).eps
        if self.kind == "gru":
            inputs, reset, update, own = gates
            # The new state is at most 1, and is subtracted from itself where the update gate is 1.
            # Large sums that cancel before the tanh round more than it does.
            product = reset * own
            slope = 1 - torch.tanh(inputs + product).square_()
            new = (inputs.abs() + product.abs_()).mul_(slope).add_(1).mul_(eps)
            kept = new.addcmul_(update, carried)
            return RoundingError(kept, kept)
        enter, keep, _, leave = gates
        # What enters is at most 1.
        kept = torch.addcmul(enter * eps, keep, torch.add(carried, memory.abs(), alpha=eps))
        return RoundingError(kept, leave * kept)

    def step(self, sums: Tensor, before: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The next state and (of an LSTM) memory; overwrites the pre-activations."""
        state, memory = before.clone(), memory.clone()
        self.advance(sums, state, memory)
        return state, memory

    def advance(self, sums: Tensor, state: Tensor, memory: Tensor) -> None:
        """The same in place: state and memory of a step become those of the next."""
        if self.kind == "lstm":
            # tanh(x) = 2 * sigmoid(2 * x) - 1: one call for all gates, several times faster than
            # two.
            cell = sums[:, 2 * self.hidden : 3 * self.hidden].mul_(2)
            enter, keep, new, leave = sums.sigmoid_().chunk(4, dim=1)
            torch.add(cell.new_tensor(-1.0), cell, alpha=2, out=cell)
            memory.mul_(keep).addcmul_(enter, new)
            _tanh(memory, state).mul_(leave)
            return
        inputs, reset, update, own = sums.chunk(4, dim=1)
        sums[:, self.hidden : 3 * self.hidden].sigmoid_()
        new = torch.addcmul(inputs, reset, own)
        _tanh(new, new)
        # As torch computes it; update * before + (1 - update) * new rounds otherwise.
        torch.addcmul(new, update, state.sub_(new), out=state)


@dataclass(frozen=True)
class RoundingError:
    """The rounding in what a unit remembers, and in its state: largest absolute values."""

    kept: Tensor
    state: Tensor


def _tanh(values: Tensor, out: Tensor) -> Tensor:
    """By an exponential, which torch computes faster; into ``out``, which may be the same.

    To relative precision, as a huge weight behind makes something of the smallest state.
    """
    # (exp(2x) - 1) / (exp(2x) + 1), which is 1 from 40 on.
    powers = torch.clamp(values, max=40, out=out).mul_(2).expm1_()
    return powers.div_(powers + 2)
