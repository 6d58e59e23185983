"""What does an LSTM compute with several variants of its weights at once?"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["StackedLstm", "StackedStates"]

_SATURATION = 100
"""A gate whose pre-activation is further from zero than this is 0 or 1, whatever is added."""

_NOISE = 1e-2
"""Rounding of a pre-activation that changes a gate too little to be seen in the outputs."""

_ROUNDINGS = 4
"""Roundings of a gate, a product and a sum, in units of the last place."""

_WATCHED = 16
"""Units with huge weights that are looked at; more are hardly ever known."""


@dataclass(frozen=True)
class StackedStates:
    """The states of each variant after the last step, ``(variants, samples, hidden)``.

    ``unsure`` are the variants, ``(variants,)``, whose states depend on the order of summation: one
    in which sums may overflow, or in which a huge weight multiplies little more than rounding.
    """

    last: Tensor
    unsure: Tensor


class StackedLstm:
    """The loop of an LSTM that starts from zero, on the same inputs with several weights.

    A step is one batched product for all variants. Gates lie one after another in memory, so that
    all are computed at once: tanh(x) = 2 * sigmoid(2 * x) - 1, where the factor, which is exact, is
    part of the weights.

    Args:
        inputs: ``(samples, steps, features)``.
    """

    def __init__(self, inputs: Tensor) -> None:
        self._inputs = inputs.permute(1, 2, 0).contiguous()  # steps, features, samples
        self._largest = self._inputs.abs().amax(dim=(0, 2)).clamp_(min=1)
        self._held: dict[str, Tensor] = {}

    def __call__(self, weight: Tensor, recurrent: Tensor, biases: Tensor) -> StackedStates:
        """The last states.

        Args:
            weight: ``(variants, 4 * hidden, features)``.
            recurrent: ``(variants, 4 * hidden, hidden)``.
            biases: both added up, ``(variants, 4 * hidden)``.
        """
        steps, features, _ = self._inputs.shape
        variants, rows, hidden = recurrent.shape
        # Rows are those of torch: input, forget, cell, output.
        factors = torch.cat([recurrent, weight, biases[..., None]], 2)
        factors[:, 2 * hidden : 3 * hidden] *= 2
        given = self._memory("given", variants, hidden + features + 1)
        state, seen = given[:, :hidden].zero_(), given[:, hidden:-1]
        given[:, -1] = 1.0
        sums = self._memory("sums", variants, rows)
        enter, keep, new, leave = sums.chunk(4, dim=1)
        memory, other = (self._memory(name, variants, hidden) for name in ("memory", "other"))
        memory.zero_()
        at, unsure = _huge(recurrent, steps)
        watch = None
        if len(at):
            size = recurrent.abs().amax(dim=1)[at[:, 0], at[:, 1]]
            gates = self._memory("gates", steps, 4 * len(at))
            watch = _Watch(at, size, hidden, gates, self._memory("memories", steps, len(at)))
        by_gate, by_unit = sums.flatten(0, 1), memory.flatten(0, 1)
        for step in range(steps):
            seen.copy_(self._inputs[step])
            torch.bmm(factors, given, out=sums)
            sums.sigmoid_()
            new.mul_(2).sub_(1)
            memory.mul_(keep).addcmul_(enter, new)
            if watch is not None:
                watch.keep(step, by_gate, by_unit)
            torch.tanh(memory, out=other)
            torch.mul(other, leave, out=state)
        unsure |= self._overflows(factors)
        if watch is not None:
            unsure |= watch.unsure(variants)
        return StackedStates(state.transpose(1, 2).contiguous(), unsure)

    def _memory(self, name: str, first: int, second: int) -> Tensor:
        """Memory for ``(first, second, samples)``, which is used again in the next call.

        It takes longer to get fresh memory from the system than to compute what it is for.
        """
        size = first * second * self._inputs.shape[2]
        if name not in self._held or self._held[name].numel() < size:
            self._held[name] = self._inputs.new_empty(size)
        return self._held[name][:size].view(first, second, -1)

    def _overflows(self, factors: Tensor) -> Tensor:
        """The variants of which a sum may be infinite, or NaN, in one order and not in another.

        Where one term alone is so large that it may overflow, the gate saturates in any order.
        """
        limits = torch.full_like(factors[0, 0], torch.finfo(factors.dtype).max / factors.shape[2])
        limits[-1 - len(self._largest) : -1] /= self._largest
        large = ~(factors.abs() < limits)
        return (large.sum(dim=2) > 1).any(dim=1)


def _huge(recurrent: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The units, ``(units, 2)`` with their variants, that a huge recurrent weight multiplies.

    Also the variants, ``(variants,)``, that have more of them than are looked at; their units are
    left out.
    """
    # Of smaller weights no rounding of a state, which is at most 1, can be seen.
    huge = recurrent.abs().amax(dim=1) > _NOISE / (torch.finfo(recurrent.dtype).eps * steps)
    many = huge.sum(dim=1) > _WATCHED
    return (huge & ~many[:, None]).nonzero(), many


class _Watch:
    """Looks at the states that huge weights multiply, for such as are little but rounding.

    The gates and memories of these units are kept in every step, and looked at after the last one.
    """

    def __init__(
        self, at: Tensor, size: Tensor, hidden: int, gates: Tensor, memories: Tensor
    ) -> None:
        self._variant, unit = at.unbind(1)
        self._size = size[:, None]
        self._units = self._variant * hidden + unit
        first = self._variant * 4 * hidden + unit
        self._rows = torch.cat([first + n * hidden for n in range(4)])
        self._gates, self._memories = gates, memories
        # Views are made once: making them takes as long as the copy.
        self._steps = list(zip(gates.unbind(0), memories.unbind(0), strict=True))

    def keep(self, step: int, gates: Tensor, memory: Tensor) -> None:
        """Keep what a step left, of gates and memories ``(variants * units, samples)``."""
        into_gates, into_memories = self._steps[step]
        torch.index_select(gates, 0, self._rows, out=into_gates)
        torch.index_select(memory, 0, self._units, out=into_memories)

    def unsure(self, variants: int) -> Tensor:
        """The variants in which a state was little more than rounding, ``(variants,)``."""
        found = torch.zeros(variants, dtype=torch.bool, device=self._gates.device)
        leave = self._gates[:, 3 * len(self._size) :]
        eps, steps = torch.finfo(leave.dtype).eps, len(leave)
        # Few samples of few units come so close to zero that it takes a closer look.
        most = _ROUNDINGS * eps * steps * (float(self._memories.abs().max()) + 3)
        if math.isnan(most):  # of one variant; the others are all looked at
            most = math.inf
        near = torch.tanh(self._memories).abs_().sub_(2 * most)
        scale = leave * self._size
        doubtful = (scale > _NOISE / most).logical_and_(near.mul_(scale) < _SATURATION)
        unit, sample = doubtful.any(dim=0).nonzero().unbind(1)
        rows = torch.stack([unit + n * len(self._size) for n in range(4)])
        gates, memory = self._gates[:, rows, sample], self._memories[:, unit, sample]
        kept, tangent = _rounding(gates, memory), torch.tanh(memory).abs()
        enough = _doubtful(self._size[unit, 0] * gates[:, 3], tangent, kept)
        found[self._variant[unit[enough.any(dim=0)]]] = True
        return found


def _rounding(gates: Tensor, memory: Tensor) -> Tensor:
    """The rounding in memories ``(steps, units)`` that gates ``(steps, 4, units)`` leave."""
    enter, keep, new, _ = gates.unbind(1)
    old = torch.cat([torch.zeros_like(memory[:1]), memory[:-1]])
    # The tangent of a gate, made of a number near 1 and 1, has its error.
    terms = (keep * old).abs() + (enter * new).abs() + enter
    kept = (_ROUNDINGS * torch.finfo(memory.dtype).eps * terms).square_()
    # Several times what a step really rounds by, and of different steps independent.
    for step in range(1, len(kept)):
        kept[step].addcmul_(keep[step].square(), kept[step - 1])
    return kept.sqrt_()


def _doubtful(scale: Tensor, tangent: Tensor, kept: Tensor) -> Tensor:
    """Where a huge weight, times ``scale``'s gate, multiplies little more than rounding.

    The state is the gate times the ``tangent`` of a memory that is rounded by ``kept``, along the
    steps; the states after the last step meet no recurrent weight.
    """
    noise = scale * (kept + _ROUNDINGS * torch.finfo(tangent.dtype).eps * tangent)
    return ((noise > _NOISE) & (scale * tangent < _SATURATION + 2 * noise))[:-1]
