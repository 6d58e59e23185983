"""What if weights outside their fault-free range are corrected?"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.range_scrubber import RangeScrubber
from radhard.hardenings.scrubbing.stored_weights import begin, check_period, cover, weights
from radhard.hardenings.scrubbing.weight_sets import gate_counts, set_numbers
from radhard.spec import component

__all__ = ["WeightRangeCheck"]


@component
class WeightRangeCheck(Hardening):
    """Zeroes weights outside the range they had without faults (Ahmadilivani et al., DFT 2023).

    Applied before every n-th inference (``every``), in place. ``per``: one range for the whole
    model, or tighter ones: ``"set"``, for the weights of one purpose in a recurrent layer (input,
    recurrent, projection), in all of its stacked layers and directions, and for every other tensor;
    ``"tensor"``, for every tensor; ``"gate"``, for every tensor, in recurrent layers for the rows
    of every gate. ``action``: values outside become zero, or are clamped. Weights are the sites of
    ``Weights("*")``; with ``biases=True``, those of ``Biases("*")`` are checked like them.

    Cost: Two numbers per range; one read of all weights.
    """

    per: Literal["model", "set", "tensor", "gate"] = "model"
    action: Literal["zero", "clamp"] = "zero"
    every: int = 1
    biases: bool = False

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
        tensors = weights(model, biases=self.biases)
        names, gates = tuple(tensors), (1,) * len(tensors)
        if self.per == "gate":
            gates = gate_counts(model, names)
            first = tuple(int(n) for n in np.cumsum((0, *gates[:-1])))
        else:
            first = set_numbers(model, names, self.per)
        ranges: dict[int, list[tuple[Tensor, Tensor]]] = {}
        for weight, start, many in zip(tensors.values(), first, gates, strict=True):
            for at, block in enumerate(weight.detach().reshape(many, -1)):
                ranges.setdefault(start + at, []).append((block.amin(), block.amax()))
        extremes = [ranges[at] for at in range(len(ranges))]
        low = _joined([min(low for low, _ in pairs) for pairs in extremes])
        high = _joined([max(high for _, high in pairs) for pairs in extremes])
        # Limits in the dtype of the weights: rounded ones would exclude the extreme weights
        # themselves.
        part = RangeScrubber(
            by,
            weights=names,
            ranges=len(low),
            action=self.action,
            every=self.every,
            first=first,
            gates=gates,
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
