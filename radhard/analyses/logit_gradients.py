"""How do a model's predictions depend on its layers' outputs?"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.analyses.layer import Layer
from radhard.analyses.layer_call import Passed
from radhard.analyses.layer_recorder import layer_calls
from radhard.errors import InputError, RadhardWarning
from radhard.workload import Workload

__all__ = [
    "Pulled",
    "Pulls",
    "check_rivals",
    "demand_gradients",
    "of_cross_entropy",
    "pull",
    "to_rivals",
    "wide",
]

_MANY = 200
"""Backward passes a batch from which on a warning says how many there will be."""

_MOST = 2**25
"""Numbers that the gradients of one pass may come to; 128 MiB as float32."""


@dataclass(frozen=True)
class Pulls:
    """Directions in the space of the logits, several for each sample."""

    number: int
    """Of directions a sample."""
    of: Callable[[Tensor, slice], Tensor]
    """``(number, samples, classes)`` of the logits ``(samples, classes)`` of a slice of the data;
    the gradients of the logits' products with these are what is looked at."""


@dataclass(frozen=True)
class Pulled:
    """What the pulls come to at one layer, for some samples."""

    layer: Layer
    calls: list[Passed]
    gradients: Tensor
    """``(pulls, samples, channels, positions)``, positions of all calls, at least float32."""


def check_rivals(analysis: object, guard: float, rivals: int | None) -> None:
    """Raise `InputError` for a guard or a number of rivals that makes no sense."""
    if not 0 < guard < float("inf"):
        raise InputError(f"{analysis!r}: guard is a margin of two logits, above 0 and finite")
    if rivals is not None and rivals < 1:
        raise InputError(f"{analysis!r}: rivals is 1 or more other classes, or None for all")


def to_rivals(workload: Workload, guard: float, rivals: int | None) -> Pulls:
    """From the golden answer to each rival, over the margin: ``(Z_i - Z_t) / |Z_i - Z_t|``.

    The denominator counts as a constant, and is at least ``guard``. With ``rivals`` only so many of
    the classes with the next largest logits are taken. Where a batch needs 200 backward passes or
    more, a warning says how many there will be.
    """
    classes = workload.logits.shape[1]
    number = classes - 1 if rivals is None else min(rivals, classes - 1)
    if number >= _MANY:
        batches = -(-len(workload.data) // workload.batch)
        warnings.warn(
            f"at least {number * batches:,} backward passes are to come, one for each of "
            f"{number:,} rival classes and each batch; rivals=5 takes the 5 nearest classes only, "
            "and as many passes a batch",
            RadhardWarning,
            stacklevel=4,
        )

    def of(logits: Tensor, rows: slice) -> Tensor:
        answers = workload.predictions[rows, None]
        others = logits.scatter(1, answers, -torch.inf).topk(number).indices
        margins = (logits.gather(1, answers) - logits.gather(1, others)).abs().clamp(min=guard)
        pulls = logits.new_zeros(number, *logits.shape)
        pulls.scatter_(2, others.T[..., None], 1 / margins.T[..., None])
        pulls.scatter_(2, answers.expand(number, -1, 1), -1 / margins.T[..., None])
        return pulls

    return Pulls(number, of)


def of_cross_entropy(classes: Tensor) -> Pulls:
    """The gradient of every sample's cross-entropy with its class: the softmax less 1 there."""

    def of(logits: Tensor, rows: slice) -> Tensor:
        own = classes[rows, None]
        shares = logits.double().softmax(1).scatter(1, own, 0.0)
        # Less the sum of the others, since 1 less a share that is almost 1 is mostly rounding.
        return shares.scatter(1, own, -shares.sum(1, keepdim=True)).to(logits.dtype)[None]

    return Pulls(1, of)


def pull(
    workload: Workload, layers: Sequence[Layer], pulls: Pulls, take: Callable[[Pulled], None]
) -> None:
    """Hand each layer's gradients to ``take``: some samples and pulls at a time, each just once.

    Layers are left out that are not called, whose samples cannot be told apart, or that are called
    where the model records no gradients, or whose gradients are not finite; the last two are noted
    in ``workload.left_out``, the last also after some of their gradients were handed to ``take``.

    Raises:
        InputError: the logits cannot be differentiated.
    """
    size, at_once = _portion(workload, layers, pulls)
    with workload.gradients(), layer_calls(workload, layers) as seen:
        for rows, inputs in workload.data.batches(size):
            logits = workload.forward(inputs)
            demand_gradients(logits)
            calls = [passed for passed in seen if passed.outputs.requires_grad]
            for layer in {p.layer for p in seen} - {p.layer for p in calls}:
                workload.left_out[layer.name] = "called where no gradients are recorded"
            if not calls:
                continue
            outputs = [passed.outputs for passed in calls]
            directions = torch.split(pulls.of(logits.detach(), rows), at_once)
            for number, some in enumerate(directions, 1):
                found = [
                    torch.autograd.grad(
                        logits,
                        outputs,
                        direction,
                        retain_graph=number < len(directions) or last < len(some),
                        materialize_grads=True,
                    )
                    for last, direction in enumerate(some, 1)
                ]
                _hand_on(workload, calls, [list(each) for each in zip(*found, strict=True)], take)
            workload.bar.step(rows.stop, len(workload.data))


def demand_gradients(logits: Tensor) -> None:
    """Raise `InputError` for logits that cannot be differentiated."""
    if not logits.requires_grad:
        raise InputError(
            "the logits cannot be differentiated: the model computes them without recording "
            "gradients (torch.no_grad, inference_mode, detach, or whole numbers inside)"
        )


def wide(values: Tensor) -> Tensor:
    """At least single precision, so that squares neither overflow nor vanish."""
    return values.float() if values.element_size() < 4 else values


def _hand_on(
    workload: Workload,
    calls: list[Passed],
    gradients: list[list[Tensor]],
    take: Callable[[Pulled], None],
) -> None:
    for layer in dict.fromkeys(passed.layer for passed in calls):
        own = [at for at, passed in enumerate(calls) if passed.layer == layer]
        parts = [
            torch.stack([wide(calls[at].by_channel(each)) for each in gradients[at]]) for at in own
        ]
        together = parts[0] if len(parts) == 1 else torch.cat(parts, 3)
        if not together.isfinite().all():
            workload.left_out[layer.name] = (
                "its gradient is not finite: a square root of 0, or an overflow of a narrow format?"
            )
            continue
        take(Pulled(layer, [calls[at] for at in own], together))


def _portion(workload: Workload, layers: Sequence[Layer], pulls: Pulls) -> tuple[int, int]:
    """How many samples a pass, and how many pulls at a time, memory allows for."""
    with torch.no_grad(), layer_calls(workload, layers) as seen:
        workload.forward(workload.data.rows(slice(0, 1)))
        values = max(1, sum(passed.outputs.numel() for passed in seen))
    at_once = max(1, min(pulls.number, _MOST // values))
    return max(1, min(workload.batch, _MOST // (at_once * values))), at_once
