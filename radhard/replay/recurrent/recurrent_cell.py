"""What does one step of a recurrent layer do?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as nnf

__all__ = ["Kind", "RecurrentCell", "Side"]

Kind = Literal["lstm", "gru"]

Side = Literal[0, 1]
"""Where a weight or a bias works: 0 on the inputs, 1 on the state before."""


@dataclass(frozen=True)
class RecurrentCell:
    """A step of an LSTM or a GRU, from what its gates are given, ``(rows, 4 * hidden)``.

    The columns of an LSTM are those of its weights: input, forget, cell, output. Those of a GRU
    are what its new state is given by the inputs, then reset, update, and what the new state is
    given by the state before, which the reset gate weighs apart.
    """

    kind: Kind
    hidden: int

    def column(self, side: Side, row: int) -> int:
        """The column in which a row of a weight, or of a bias, works."""
        if self.kind == "lstm":
            return row
        if side == 1 or row < 2 * self.hidden:
            return self.hidden + row
        return row - 2 * self.hidden

    @property
    def recurrent(self) -> slice:
        """The columns, in order, of the weight of the state before."""
        return slice(0 if self.kind == "lstm" else self.hidden, 4 * self.hidden)

    def given(self, inputs: Tensor, weight: Tensor, *biases: Tensor) -> Tensor:
        """What the inputs and the biases give the gates: ``(rows, 4 * hidden)``."""
        if self.kind == "lstm":
            return nnf.linear(inputs, weight, biases[0] + biases[1] if biases else None)
        two = 2 * self.hidden
        both = nnf.linear(inputs, weight, biases[0] if biases else None)
        last = biases[1] if biases else both.new_zeros(3 * self.hidden)
        state = last[two:].expand(len(inputs), -1)
        return torch.cat([both[:, two:], both[:, :two] + last[:two], state], dim=1)

    def step(self, given: Tensor, before: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """The next state and (of an LSTM) memory; overwrites what the gates are given."""
        if self.kind == "lstm":
            cell = given[:, 2 * self.hidden : 3 * self.hidden].mul_(2)
            enter, keep, new, leave = given.sigmoid_().chunk(4, dim=1)
            cell.mul_(2).sub_(1)
            memory = torch.addcmul(keep * memory, enter, new)
            return _tanh(memory).mul_(leave), memory
        inputs, reset, update, state = given.chunk(4, dim=1)
        given[:, self.hidden : 3 * self.hidden].sigmoid_()
        new = _tanh(torch.addcmul(inputs, reset, state))
        return torch.addcmul(new, update, before - new), memory


def _tanh(values: Tensor) -> Tensor:
    """By an exponential, which torch computes faster.

    To relative precision, as a huge weight behind makes something of the smallest state.
    """
    powers = values.mul(-2).clamp_(max=80).expm1_()
    return powers.div_(powers + 2).neg_()
