"""For which samples does rounding decide what the fault-free model predicts?"""

from typing import Any

import torch
from torch import Tensor

from radhard.datasets.batch import mapped, samples
from radhard.engines.base import Campaign
from radhard.metrics.logits import real
from radhard.notes import Note
from radhard.tree import changed, leaves
from radhard.workload.hooks import module_hooks

__all__ = ["close_outputs"]

_SUSPECT = 1024
"""Rounding errors of the outputs, or of values of 1, within which two classes may be too close."""

_ORDERS = 4
"""By how much another order of summation may differ more than values changed by rounding once."""

_PURPOSE = 0x636C6F  # "clo": makes the choice independent of all others


def close_outputs(campaign: Campaign) -> list[Note]:
    """A note on samples whose two best classes are closer together than rounding.

    Engines compute sums in different orders, so that verdicts about such samples differ between
    them; they follow from no fault. Outputs alone do not show it: a mean over normalized values is
    0 but for rounding, which then is all of the output. So, for samples with two classes nearly as
    good, inputs and outputs of all modules are changed by a rounding error, and a sample is counted
    if this changes an output by about as much as the distance of its two best classes.
    """
    golden, workload = campaign.panel.golden, campaign.workload
    wanted = any(metric.needs_classes for metric in campaign.panel.metrics)
    if not wanted or golden.classes is None or golden.whole or not workload.deterministic:
        return []
    scores = golden.logits.double()
    rounding = torch.finfo(golden.outputs.dtype).eps * scores.abs().amax(dim=1).clamp(min=1.0)
    suspects, close = _distances(scores) <= _SUSPECT * rounding, 0
    for rows, inputs in workload.batches():
        if bool(suspects[rows].any()):
            close += int((_close(campaign, inputs).to(suspects.device) & suspects[rows]).sum())
    return [Note("close outputs", {"samples": close, "of": golden.samples})] if close else []


def _distances(scores: Tensor) -> Tensor:
    best = scores.topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def _close(campaign: Campaign, inputs: Any) -> Tensor:
    """Whether the two best classes of each sample of a batch are closer than rounding."""
    workload, golden = campaign.workload, campaign.panel.golden
    leafs = {name: one for name, one in workload.model.named_modules() if not [*one.children()]}
    rounded = _Rounded(workload.seed)

    def after(name: str, args: Any, kwargs: Any, output: Any) -> Any:  # noqa: ARG001
        for path, _ in leaves(output):
            output = changed(output, path, rounded)
        return output

    try:
        with torch.no_grad():
            # Both passes here, as the golden outputs may follow from the batches before.
            plain = workload.call(workload.model, mapped(inputs, torch.clone))
            workload.state.restore()
            # Before other hooks: what these round to a coarse step stays as it is.
            with module_hooks(leafs, after=after, first=True):
                moved = workload.call(workload.model, mapped(inputs, rounded))
    except Exception:
        # A model may refuse inputs that are not exactly its own.
        return torch.zeros(samples(inputs), dtype=torch.bool)
    finally:
        workload.state.restore()
    scores, other = (golden.scores(real(outputs)).double() for outputs in (plain, moved))
    error = (scores - other).abs().amax(dim=1)
    # A tie that rounding does not touch, such as of two outputs of 0, is none of rounding.
    return (error > 0) & (_distances(scores) <= _ORDERS * error)


class _Rounded:
    """Changes every value by a rounding error, up, down or not at all."""

    def __init__(self, seed: int) -> None:
        self._chance = torch.Generator().manual_seed(seed ^ _PURPOSE)

    def __call__(self, values: Tensor) -> Tensor:
        if not values.is_floating_point():
            return values.clone()
        signs = torch.randint(-1, 2, values.shape, generator=self._chance, dtype=torch.int8)
        step = torch.finfo(values.dtype).eps
        return values * (1 + step * signs.to(values))
