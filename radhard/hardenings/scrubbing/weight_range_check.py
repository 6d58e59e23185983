"""What if weights outside their fault-free range are corrected?"""

from typing import Literal

import torch
from torch import Tensor, nn

from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.range_scrubber import RangeScrubber
from radhard.hardenings.scrubbing.stored_weights import begin, check_period, cover, weights
from radhard.spec import component

__all__ = ["WeightRangeCheck"]


@component
class WeightRangeCheck(Hardening):
    """Zeroes weights outside the range they had without faults (Ahmadilivani et al., DFT 2023).

    Applied before every n-th inference (``every``), in place. ``per``: one range for the whole
    model, or one for every tensor, which is tighter; ``action``: values outside become zero, or are
    clamped. Weights are the sites of ``Weights("*")``: biases are not checked.
    """

    per: Literal["model", "tensor"] = "model"
    action: Literal["zero", "clamp"] = "zero"
    every: int = 1

    def check(self) -> None:
        check_period(type(self).__name__, self.every)

    def harden(self, draft: Draft) -> None:
        scrubber = self._scrubber(draft.model, draft.by)
        cover(draft, scrubber.weights)
        begin(draft, "weight_range_check", scrubber, scrubber.turn)

    def scrubber(self, model: nn.Module) -> RangeScrubber:
        """A scrubber that corrects this model on demand: ``scrubber.scrub(model)``.

        The model is not changed by creating it; copies of the model can be scrubbed as well.

        >>> model = nn.Linear(2, 2)
        >>> scrubber = WeightRangeCheck().scrubber(model)
        >>> _ = model.weight.data[0, 0].fill_(1e30)
        >>> scrubber.scrub(model)
        >>> model.weight[0, 0].item()
        0.0
        """
        return self._scrubber(model, repr(self))

    def _scrubber(self, model: nn.Module, by: str) -> RangeScrubber:
        tensors = weights(model)
        extremes = [torch.aminmax(weight.detach()) for weight in tensors.values()]
        low, high = _joined([e.min for e in extremes]), _joined([e.max for e in extremes])
        if self.per == "model":
            low, high = low.amin().reshape(1), high.amax().reshape(1)
        # Limits in the dtype of the weights: rounded ones would exclude the extreme weights
        # themselves.
        part = RangeScrubber(
            by, weights=tuple(tensors), ranges=len(low), action=self.action, every=self.every
        ).to(low)
        part.low.copy_(low)
        part.high.copy_(high)
        return part


def _joined(values: list[Tensor]) -> Tensor:
    """Stacked in the widest of their dtypes, which represents each exactly."""
    widest = values[0].dtype
    for value in values:
        widest = torch.promote_types(widest, value.dtype)
    return torch.stack([value.to(values[0].device, widest) for value in values])
