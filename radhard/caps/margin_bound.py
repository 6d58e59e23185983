"""How far can a deviation lower the margins of a prediction?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.caps.bounded_operation import BoundedOperation, Golden
from radhard.caps.interval import Interval
from radhard.caps.rounding_bounds import LARGEST, rounding_bound

__all__ = ["UNDERFLOW", "Loss", "MarginBound", "margin_gradients"]

_DOUBLE = 2.0**-36
"""More than the relative error of the bounds themselves, which are computed in float64: at most
2**15 operations in a row, of a relative error of 2**-53 each."""

UNDERFLOW = 2.0**-100
"""More than what sums lose where products are too small for float32, or are set to 0 there."""


def margin_gradients(
    operations: Sequence[BoundedOperation],
    golden: Golden,
    starts: Collection[int],
    output: int,
    answers: Tensor,
) -> dict[int, Tensor]:
    """Golden gradients of all margins by the values of the starts and the operations.

    The margin of class c is the logit of the golden prediction less that of c; a start is a slot
    where deviations begin. The gradients are ``(samples, classes, ...)``, those of the golden
    prediction itself 0.
    """
    leaves: dict[int, Tensor] = {}
    values: dict[int, Tensor] = {}
    with torch.inference_mode(False), torch.enable_grad():
        for slot in (*starts, *(operation.slot for operation in operations)):
            leaves[slot] = torch.zeros_like(golden[slot]).requires_grad_()
        for slot in starts:
            values[slot] = leaves[slot]
        for operation in operations:
            inputs = [values.get(slot) for slot in operation.sources]
            if any(one is not None for one in inputs):
                values[operation.slot] = operation.tangent(golden, inputs) + leaves[operation.slot]
        slots = [slot for slot in leaves if slot in values]
        logits = values[output]
        by_class = [
            torch.autograd.grad(
                logits[:, c].sum(), [leaves[s] for s in slots], retain_graph=True, allow_unused=True
            )
            for c in range(logits.shape[1])
        ]
    found = {}
    for at, slot in enumerate(slots):
        parts = [torch.zeros_like(leaves[slot]) if g[at] is None else g[at] for g in by_class]
        stacked = torch.stack(parts, dim=1)
        # Of margins and not of logits, since what moves all logits alike changes no prediction.
        own = stacked[torch.arange(len(answers)), answers][:, None]
        found[slot] = own - stacked
    return found


@dataclass(frozen=True)
class Loss:
    """Upper limits of what margins lose, ``(rows, classes)``."""

    bent: Tensor
    """By all that is not the tangent of the deviation at its start; inf: no bound."""
    whole: Tensor
    """In all, the tangent included; often much larger."""

    def reshaped(self, *shape: int) -> "Loss":
        """The same with the rows in several axes."""
        return Loss(*(one.reshape(*shape, one.shape[-1]) for one in (self.bent, self.whole)))


@dataclass(frozen=True)
class MarginBound:
    """The bounds of one sample, from one start to the outputs."""

    operations: Sequence[BoundedOperation]
    golden: Golden
    """Of this sample, ``(1, ...)``."""
    gradients: Mapping[int, Tensor]
    """Of its margins, ``(classes, ...)``."""
    output: int
    answer: int
    """The golden prediction."""
    margins: Tensor
    """Of the golden prediction over every class, ``(classes,)``; over itself infinite."""
    rows: int
    """How many rows are bounded at a time, at most."""

    def loss(self, start: int, box: Interval, rounding: Tensor | None) -> Loss:
        """What margins lose if the value of a slot deviates by anything in a box.

        ``rounding``: as far as computed values of the start may further deviate, by rounding.
        """
        rows = len(box.mid)
        bent = box.mid.new_zeros(rows, len(self.gradients[start]))
        if rounding is not None:
            bent = bent + _weighted(rounding, self.gradients[start].abs())
            # Charged in full, as no slope of a word has it.
            box = box.wider(rounding)
        deviations = {start: box}
        finite = torch.ones(rows, dtype=torch.bool)
        for operation in self.operations:
            inputs = [deviations.get(slot) for slot in operation.sources]
            if all(one is None for one in inputs):
                continue
            gradient = self.gradients[operation.slot]
            own, limits = operation.passed(self.golden, inputs)
            if limits is not None:
                low, high = limits
                bent = bent - _weighted(high, gradient.clamp(max=0))
                bent = bent - _weighted(low, gradient.clamp(min=0))
            if operation.terms:
                magnitude = operation.magnitude(self.golden)
                # Both passes round, the golden and the faulty one, each relative to its own sums;
                # a deviation is at most twice the radius, as its interval includes 0. What no
                # deviation reaches is computed by the same operations from the same numbers.
                error = (magnitude + own.rad) * (2 * rounding_bound(operation.terms)) + UNDERFLOW
                error = error.masked_fill((own.rad == 0) & (own.mid == 0), 0.0)
                finite &= (magnitude + own.rad * 2).flatten(1).amax(1) < LARGEST
                bent = bent + _weighted(error, gradient.abs())
                own = own.wider(error)
            deviations[operation.slot] = own
        # Where remainders are large, the limits of the logits themselves may be nearer than
        # tangents.
        last = deviations[self.output]
        whole = (last.high - last.low[:, self.answer, None]).clamp(min=0)
        slack = _DOUBLE * last.rad.amax(1, keepdim=True) * 2
        ok = finite[:, None] & bent.isfinite() & whole.isfinite()
        return Loss(
            (bent + slack).masked_fill(~ok, torch.inf), (whole + slack).masked_fill(~ok, torch.inf)
        )


def _weighted(elements: Tensor, weights: Tensor) -> Tensor:
    """Sums of ``(rows, ...)``, weighted for every class by ``(classes, ...)``."""
    return elements.flatten(1) @ weights.flatten(1).T
