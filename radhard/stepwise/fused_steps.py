"""What are the states of an LSTM's steps, and do its gates keep their bounds, by torch's kernel?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from radhard.internals import fused_lstm
from radhard.stepwise.gate import Gate, GateFunction
from radhard.stepwise.step_loops import Direction, States

__all__ = ["FusedSteps", "fused_steps"]

_SHARE, _ROUNDING, _LEAST = 4e-6, 3e-7, 2e-38
"""Limits of the errors of the kernel's functions, several times those that were observed."""

_KEPT = 1 << 22
"""Numbers that torch may keep in a call."""

_DOWN_AND_UP = torch.tensor([-1.0, 1.0], dtype=torch.float64)


@dataclass(frozen=True)
class FusedSteps:
    """All steps of one direction of an LSTM, without anything that hooks of its gates do."""

    outputs: Tensor
    """``(steps, size, rows)``."""
    after: States
    extremes: Tensor | None
    """The smallest and largest values of i, f, g, o and c, ``(2, rows, 5 * hidden)``."""

    def acted_rows(self, gates: Sequence[Gate]) -> Tensor | None:
        """The rows in which a guard of a gate changes something, ``(rows,)``; None if in none.

        Values lie within bounds at all steps if their extremes do. The sums of the gates are not
        kept, but follow from the values, except for the errors of the functions.
        """
        if self.extremes is None:
            return None
        guarded = [
            (n, gate, gate.guard(name), side)
            for n, gate in enumerate(gates)
            for name, side in gate.guards.items()
        ]
        over_rows = [self.extremes[0].amin(0), self.extremes[1].amax(0)]
        values = torch.stack(over_rows).chunk(5, 1)
        if all(
            guard.within(_seen(values[n], gate, side, clamped=guard.clamps))
            for n, gate, guard, side in guarded
        ):
            return None
        kept = torch.ones(self.outputs.shape[2], dtype=torch.bool)
        values = self.extremes.chunk(5, 2)
        for n, gate, guard, side in guarded:
            for each in _seen(values[n], gate, side, clamped=guard.clamps):
                kept &= guard.rows_within(each)
        return None if bool(kept.all()) else ~kept


def fused_steps(of: Direction, inputs: Tensor, states: States) -> FusedSteps | None:
    """All steps at once; None where torch has no such kernel, or does not keep the gates.

    ``inputs`` are ``(steps, features, rows)``. The outputs are those of ``nn.LSTM`` in training,
    which may round otherwise than in inference, as the gates are kept only there.
    """
    if of.kind != "LSTM" or of.weight_hr is not None or not inputs.numel():
        return None
    if any(tensor.dtype != torch.float32 for tensor in (inputs, *states, *of.tensors())):
        return None
    none = inputs.new_zeros(len(of.weight_ih)) if of.bias is None else of.bias
    weights = (of.weight_ih, of.weight_hh, none, torch.zeros_like(none))
    h, c = (state.t() for state in states)
    outputs: list[Tensor] = []
    extremes = None
    for given in _parts(inputs.transpose(1, 2), of.weight_hh.shape[1]):
        found = fused_lstm(given, weights, (h, c))
        if found is None:
            return None
        values, h, c, gates, cells = found
        outputs.append(values)
        if any(gate.guards for gate in of.gates):
            extremes = _extremes(gates, torch.cat([cells, c.unsqueeze(0)]), extremes)
    together = torch.cat(outputs) if len(outputs) > 1 else outputs[0]
    return FusedSteps(together.transpose(1, 2), (h.t(), c.t()), extremes)


def _parts(inputs: Tensor, hidden: int) -> Sequence[Tensor]:
    """Some steps after others, so that torch keeps no more than `_KEPT` numbers in a call.

    Of many, the system takes the memory back after every call, and gives it anew in the next, at
    more cost than that of the steps.
    """
    of_step = inputs.shape[1] * (8 * hidden + 2 * max(inputs.shape[2], hidden))
    return torch.split(inputs, max(1, _KEPT // of_step))


def _extremes(gates: Tensor, cells: Tensor, before: Tensor | None) -> Tensor:
    """The smallest and largest values of all steps, and of those before, by row."""
    low = torch.cat([gates.amin(0), cells.amin(0)], 1)
    high = torch.cat([gates.amax(0), cells.amax(0)], 1)
    if before is not None:
        low, high = torch.minimum(low, before[0]), torch.maximum(high, before[1])
    return torch.stack([low, high])


def _seen(values: Tensor, gate: Gate, side: Literal["input", "output"], *, clamped: bool) -> Tensor:
    """The smallest and largest values of a gate, ``(2, ...)``, or of its sums.

    If a guard clamps, values that are out of bounds by no more than rounding may stay as they are.
    """
    ends = _DOWN_AND_UP.view(2, *[1] * (values.ndim - 1))
    if side == "input" and gate.function != "identity":
        return _sums(values, gate.function, ends * (-0.5 if clamped else 1.0))
    return values - (ends * _ROUNDING * values.abs()).to(values) if clamped else values


def _sums(values: Tensor, function: GateFunction, errors: Tensor) -> Tensor:
    """The sums of which a gate has these values, moved by so many errors of its function.

    >>> _sums(torch.tensor([0.5, 1.0]), "sigmoid", torch.ones(2))
    tensor([8.6000e-06,        inf])
    """
    exact = values.double()
    size = exact.abs()
    error = _SHARE * torch.minimum(size, 1 - size) + _ROUNDING * size + _LEAST
    moved = exact + errors * error
    # All large sums have the value 1, so that there may be no limit.
    if function == "sigmoid":
        return torch.logit(moved.clamp(0, 1)).to(values)
    return torch.atanh(moved.clamp(-1, 1)).to(values)
