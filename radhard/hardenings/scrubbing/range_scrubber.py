"""How are weights outside their fault-free range detected and corrected?"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.part import Part
from radhard.hardenings.scrubbing.stored_weights import Turn, named, put_right, tracing

__all__ = ["RangeScrubber"]


class RangeScrubber(Part):
    """Corrects every weight outside ``[low, high]``; NaN is outside.

    ``weights`` are names of parameters. ``low`` and ``high``, ``(ranges,)``, are one range for all
    of them or one for each. Values outside become zero, or with ``action="clamp"`` the nearer
    limit; NaN, which has no nearer limit, is clamped like zero.
    """

    place = "model"

    def __init__(
        self,
        by: str,
        *,
        weights: tuple[str, ...],
        ranges: int,
        action: Literal["zero", "clamp"],
        every: int = 1,
        first: tuple[int, ...] = (),
        gates: tuple[int, ...] = (),
    ) -> None:
        super().__init__(by)
        self.weights, self.ranges, self.action, self.every = tuple(weights), ranges, action, every
        self.first, self.gates = tuple(first), tuple(gates)
        many = len(self.weights)
        # With one range for all weights, it is always row 0.
        begins = self.first or tuple(min(at, ranges - 1) for at in range(many))
        counts = self.gates or (1,) * many
        ends = [at + count for at, count in zip(begins, counts, strict=False)]
        if (
            not (self.first or ranges in (1, many))
            or not len(begins) == len(counts) == many
            or min(begins, default=0) < 0
            or min(counts, default=1) < 1
            or max(ends, default=0) > ranges
        ):
            raise InputError(f"there are {ranges} ranges, but {many} weights are named")
        self._rows = [slice(*pair) for pair in zip(begins, ends, strict=True)]
        self.turn = Turn(every)
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.zeros(ranges))
        self.register_buffer("high", torch.zeros(ranges))

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "weights": self.weights,
            "ranges": self.ranges,
            "action": self.action,
            "every": self.every,
            "first": self.first,
            "gates": self.gates,
        }

    @property
    def scrubbed(self) -> tuple[str, ...]:
        return self.weights

    def due(self) -> bool:
        return self.turn.due()

    def scrub(self, model: nn.Module) -> None:
        """Correct the weights of the model, in place; fault-free ones are bitwise unchanged."""
        tensors = named(model, self.weights)
        for weight, rows in zip(tensors.values(), self._rows, strict=True):
            self._mend(weight, self.low[rows], self.high[rows])

    def _mend(self, weight: Tensor, low: Tensor, high: Tensor) -> None:
        # One block of rows for each range; a range for all rows needs no axis.
        blocks = weight.detach().reshape(len(low), -1) if len(low) > 1 else weight.detach()
        if len(low) == 1:
            low, high = low[0], high[0]
        if not tracing():
            # Reads the weights once, without a copy. If there is NaN, both extremes are NaN, which
            # compare as False.
            if low.ndim:
                least, greatest = blocks.amin(1), blocks.amax(1)
            else:
                least, greatest = torch.aminmax(blocks)
            if bool(((least >= low) & (greatest <= high)).all()):
                return
        if low.ndim:
            each = len(weight) // len(low)
            shape = (len(weight), *(1 for _ in weight.shape[1:]))
            low, high = (limit.repeat_interleave(each).view(shape) for limit in (low, high))
        right = torch.zeros_like(weight)
        if self.action == "clamp":
            right = torch.where(weight.isnan(), right, weight.detach()).clamp(low, high)
        # Negated as a whole, because comparisons with NaN are False.
        put_right(weight, ~((weight >= low) & (weight <= high)), right)
