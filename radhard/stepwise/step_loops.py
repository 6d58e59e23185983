"""What are the states of one direction of a recurrent layer, step after step?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from radhard.stepwise.extremes import Extremes

__all__ = ["Direction", "States", "fast_steps", "open_steps"]

States = tuple[Tensor, ...]
"""The hidden state, and the cell state of an LSTM, ``(size, rows)``."""


@dataclass(frozen=True)
class Direction:
    """One direction of a layer: its weights and gates.

    Features are on the axis before the last, ``(features, rows)``, so that the sums of each gate
    lie side by side in memory: torch computes functions of such values several times faster.
    """

    kind: str
    """torch's name of the layer: ``"LSTM"``, ``"GRU"``, ``"RNN_TANH"`` or ``"RNN_RELU"``."""
    gates: Sequence[Any]
    """Modules, or functions in their place."""
    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None
    """What is added to the products with the inputs: both biases, of a GRU the first."""
    bias_hh: Tensor | None
    """The second bias of a GRU, which the reset gate multiplies in part."""
    weight_hr: Tensor | None
    """The projection of an LSTM's state."""

    def tensors(self) -> list[Tensor]:
        """The weights and biases that there are."""
        every = (self.weight_ih, self.weight_hh, self.bias, self.bias_hh, self.weight_hr)
        return [tensor for tensor in every if tensor is not None]

    def joint_weight(self) -> Tensor:
        """One weight for the state, the inputs and a constant 1 below each other; not of a GRU."""
        bias = [] if self.bias is None else [self.bias.unsqueeze(1)]
        return torch.cat([self.weight_hh, self.weight_ih, *bias], dim=1)

    def input_sums(self, inputs: Tensor) -> Tensor:
        """The products of all steps' inputs with the weights, ``(steps, gates * hidden, rows)``."""
        if self.bias is None:
            return torch.matmul(self.weight_ih, inputs)
        # One product for all steps, as those of the inputs do not depend on the states.
        weight = self.weight_ih.expand(len(inputs), -1, -1)
        return torch.baddbmm(self.bias.view(1, -1, 1), weight, inputs)

    def recurrent_sums(self, state: Tensor, out: Tensor | None = None) -> Tensor:
        """The products of a GRU's state with the weights, ``(3 * hidden, rows)``."""
        if self.bias_hh is None:
            return torch.mm(self.weight_hh, state, out=out)
        return torch.addmm(self.bias_hh.unsqueeze(1), self.weight_hh, state, out=out)


def open_steps(
    of: Direction, inputs: Tensor, states: States, *, hooks: bool = True
) -> tuple[Tensor, States]:
    """The hidden states of all steps, ``(steps, size, rows)``, and the last states.

    ``inputs`` are ``(steps, features, rows)``. Every gate is called at every step, with its hooks
    or, without ``hooks``, only with its guards. Works with autograd, and can be traced for as many
    steps as the inputs have.
    """
    if not hooks:
        of = replace(of, gates=[gate.guarded for gate in of.gates])
    outputs = []
    if of.kind == "GRU":
        for sums in of.input_sums(inputs).unbind(0):
            states = _gru_step(of, sums, states)
            outputs.append(states[0])
        return torch.stack(outputs), states
    weight = of.joint_weight()
    below = [] if of.bias is None else [inputs.new_ones(1, inputs.shape[2])]
    step = _lstm_step if of.kind == "LSTM" else _rnn_step
    for given in inputs.unbind(0):
        sums = torch.mm(weight, torch.cat([states[0], given, *below]))
        states = step(of, sums, states)
        outputs.append(states[0])
    return torch.stack(outputs), states


def _lstm_step(of: Direction, sums: Tensor, states: States) -> States:
    _, c = states
    *gates, cell = of.gates
    i, f, g, o = map(_called, gates, sums.chunk(4))
    # The gate's output is carried on: what bounds the cell state there bounds it in later steps.
    c = _called(cell, torch.addcmul(f * c, i, g))
    h = torch.tanh(c) * o
    return (h if of.weight_hr is None else torch.mm(of.weight_hr, h)), c


def _gru_step(of: Direction, sums: Tensor, states: States) -> States:
    (h,) = states
    x_r, x_z, x_n = sums.chunk(3)
    h_r, h_z, h_n = of.recurrent_sums(h).chunk(3)
    reset, update, new = of.gates
    r, z = _called(reset, x_r + h_r), _called(update, x_z + h_z)
    n = _called(new, torch.addcmul(x_n, r, h_n))
    # As torch computes it; z * h + (1 - z) * n rounds otherwise.
    return (torch.addcmul(n, z, h - n),)


def _rnn_step(of: Direction, sums: Tensor, states: States) -> States:  # noqa: ARG001
    return (_called(of.gates[0], sums),)


def _called(gate: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    # Rows first, as everywhere else; both are views.
    return gate(values.t()).t()


def fast_steps(of: Direction, inputs: Tensor, states: States) -> tuple[Tensor, States] | None:
    """As `open_steps`, to the last bit, without calling the gates; None if a guard would act.

    Writes in place, so that nothing can be differentiated. The guards are asked once about the
    extremes of all steps: usually nothing is out of bounds, and to ask them at every step would
    take as long as the step.
    """
    seen = Extremes(of.gates)
    if of.kind == "GRU":
        outputs, after = _fast_gru(of, inputs, states, seen)
    else:
        outputs, after = _fast_joint(of, inputs, states, seen)
    return (outputs, after) if seen.are_within() else None


def _fast_joint(
    of: Direction, inputs: Tensor, states: States, seen: Extremes
) -> tuple[Tensor, States]:
    """The steps of an LSTM or a plain RNN, whose sums are one product."""
    steps, features, rows = inputs.shape
    size = states[0].shape[0]
    weight = of.joint_weight()
    # What each step multiplies; the state is written there by the step before. Every step begins
    # at a multiple of 64 bytes, as tensors of their own do: products round by where they begin.
    whole = -(-weight.shape[1] * rows // 16) * 16
    memory = inputs.new_empty(steps + 1, whole)
    factors = memory[:, : weight.shape[1] * rows].view(steps + 1, weight.shape[1], rows)
    factors[:steps, size : size + features] = inputs
    factors[:, size + features :] = 1
    factors[0, :size] = states[0]
    # The state that a step writes is the first part of what the next step multiplies: nothing is
    # copied in between.
    before, *hidden = factors[:, :size].unbind(0)
    sums, step = (_lstm_in_place if of.kind == "LSTM" else _rnn_in_place)(of, states, rows)
    after: States = (before,)
    for given, out in zip(factors[:steps].unbind(0), hidden, strict=True):
        torch.mm(weight, given, out=sums)
        after = step(out, seen)
    return factors[1:, :size], after


_InPlace = Callable[[Tensor, Extremes], States]
"""Writes the hidden state of a step, given its sums, and returns the states."""


def _lstm_in_place(of: Direction, states: States, rows: int) -> tuple[Tensor, _InPlace]:
    """Where a step finds the sums, and the step."""
    size = len(states[1])
    # As `Extremes` takes them.
    memory = states[1].new_empty(9 * size, rows)
    sums, c, values = torch.split(memory, [4 * size, size, 4 * size])
    with_sums, with_values = memory[: 5 * size], memory[4 * size :]
    # A copy, as the memory is updated in place and belongs to the caller.
    hidden = torch.empty_like(c.copy_(states[1]))
    i, f, g, o = values.chunk(4)
    # Gate by gate: torch computes the last values of a call by other instructions, which round
    # otherwise, so that one call for several gates would differ from one for each.
    functions = (torch.sigmoid, torch.sigmoid, torch.tanh, torch.sigmoid)
    calls = list(zip(functions, sums.chunk(4), (i, f, g, o), strict=True))

    def step(out: Tensor, seen: Extremes) -> States:
        for function, part, result in calls:
            function(part, out=result)
        c.mul_(f).addcmul_(i, g)
        seen.update(with_sums, with_values)
        if of.weight_hr is None:
            return torch.tanh(c, out=out).mul_(o), c
        return torch.mm(of.weight_hr, torch.tanh(c, out=hidden).mul_(o), out=out), c

    return sums, step


def _rnn_in_place(of: Direction, states: States, rows: int) -> tuple[Tensor, _InPlace]:
    sums = states[0].new_empty(len(states[0]), rows)

    def step(out: Tensor, seen: Extremes) -> States:
        # torch.relu has no ``out``.
        tanh = of.kind == "RNN_TANH"
        values = torch.tanh(sums, out=out) if tanh else torch.clamp(sums, min=0, out=out)
        seen.update(sums, values)
        return (values,)

    return sums, step


def _fast_gru(
    of: Direction, inputs: Tensor, states: States, seen: Extremes
) -> tuple[Tensor, States]:
    (h,) = states
    sums = of.input_sums(inputs)
    outputs = sums.new_empty(len(sums), *h.shape)
    recurrent, values = torch.empty_like(sums[0]), torch.empty_like(sums[0])
    h_r, h_z, h_n = recurrent.chunk(3)
    r, z, n = values.chunk(3)
    for total, out in zip(sums.unbind(0), outputs.unbind(0), strict=True):
        # Sums are overwritten by what is added to them; they are not needed again.
        x_r, x_z, x_n = total.chunk(3)
        of.recurrent_sums(h, out=recurrent)
        torch.sigmoid(x_r.add_(h_r), out=r)
        torch.sigmoid(x_z.add_(h_z), out=z)
        torch.tanh(x_n.addcmul_(r, h_n), out=n)
        seen.update(total, values)
        h = torch.addcmul(n, z, h - n, out=out)
    return outputs, (h,)
