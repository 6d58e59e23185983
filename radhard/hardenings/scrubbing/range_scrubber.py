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
    ) -> None:
        super().__init__(by)
        self.weights, self.ranges, self.action, self.every = tuple(weights), ranges, action, every
        if ranges not in (1, len(self.weights)):
            raise InputError(
                f"there are {ranges} ranges, but {len(self.weights)} weights are named"
            )
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
        }

    def due(self) -> bool:
        return self.turn.due()

    def scrub(self, model: nn.Module) -> None:
        """Correct the weights of the model, in place; fault-free ones are bitwise unchanged."""
        for at, weight in enumerate(named(model, self.weights).values()):
            # With one range for all weights, it is always row 0.
            row = min(at, self.ranges - 1)
            self._mend(weight, self.low[row], self.high[row])

    def _mend(self, weight: Tensor, low: Tensor, high: Tensor) -> None:
        if not tracing():
            # Reads the weights once, without a copy. If there is NaN, both extremes are NaN, which
            # compare as False.
            least, greatest = torch.aminmax(weight.detach())
            if bool((least >= low) & (greatest <= high)):
                return
        right = torch.zeros_like(weight)
        if self.action == "clamp":
            right = torch.where(weight.isnan(), right, weight.detach()).clamp(low, high)
        # Negated as a whole, because comparisons with NaN are False.
        put_right(weight, ~((weight >= low) & (weight <= high)), right)
