"""How do a model's logits depend on the outputs of its layers?"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.analyses.layer import Layer
from radhard.analyses.layer_call import LayerCall
from radhard.analyses.layer_recorder import layer_calls
from radhard.errors import InputError, RadhardWarning
from radhard.workload import Workload

__all__ = [
    "LogitGradients",
    "Pulls",
    "check_gradients",
    "check_rivals",
    "of_cross_entropy",
    "pull",
    "to_rivals",
    "wide",
]

_MANY = 200
"""From this number of backward passes per batch on, a warning reports their total."""

_MOST = 2**25
"""Maximum number of gradient values in one pass; 128 MiB as float32."""


@dataclass(frozen=True)
class Pulls:
    """Directions in the space of the logits, several for each sample.

    The gradients of interest are those of the inner products of the logits with the directions.
    """

    number: int
    """Directions per sample."""
    of: Callable[[Tensor, slice], Tensor]
    """Maps the logits ``(samples, classes)`` of a slice of the data to the directions
    ``(number, samples, classes)``."""


@dataclass(frozen=True)
class LogitGradients:
    """The gradients of the pulls at one layer, for some samples."""

    layer: Layer
    calls: list[LayerCall]
    gradients: Tensor
    """``(pulls, samples, channels, positions)``, with the positions of all calls, at least
    float32."""


def check_rivals(analysis: object, guard: float, rivals: int | None) -> None:
    """Raise `InputError` for an invalid guard or number of rivals."""
    if not 0 < guard < float("inf"):
        raise InputError(f"{analysis!r}: guard must be a finite number above 0")
    if rivals is not None and rivals < 1:
        raise InputError(f"{analysis!r}: rivals must be at least 1, or None for all other classes")


def to_rivals(workload: Workload, guard: float, rivals: int | None) -> Pulls:
    """From the golden prediction to each rival, over the margin: ``(Z_i - Z_t) / |Z_i - Z_t|``.

    The denominator is treated as a constant, and is at least ``guard``. With ``rivals``, only that
    number of classes with the next largest logits is used. If a batch requires 200 backward passes
    or more, a warning reports their total number.
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
        # The golden class has the last place, which ``number`` does not reach.
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
        of_class = classes[rows, None]
        shares = logits.double().softmax(1).scatter(1, of_class, 0.0)
        # Minus the sum of the others instead of ``p - 1``, which cancels if p is almost 1.
        return shares.scatter(1, of_class, -shares.sum(1, keepdim=True)).to(logits.dtype)[None]

    return Pulls(1, of)


def pull(
    workload: Workload,
    layers: Sequence[Layer],
    pulls: Pulls,
    take: Callable[[LogitGradients], None],
) -> None:
    """Call ``take`` with each layer's gradients, for some samples and pulls at a time.

    Layers are left out that are not called, whose outputs have no axis of samples, that are called
    without recording gradients, or whose gradients are not finite; the last two are recorded in
    ``workload.left_out``, the last possibly after ``take`` received some of their gradients.

    Raises:
        InputError: the logits cannot be differentiated.
    """
    size, at_once = _portion(workload, layers, pulls)
    with workload.gradients(), layer_calls(workload, layers) as seen:
        for rows, inputs in workload.data.batches(size):
            logits = workload.forward(inputs)
            check_gradients(logits)
            # Code under ``torch.no_grad`` may call a layer too, and autograd refuses such outputs.
            calls = [passed for passed in seen if passed.outputs.requires_grad]
            for layer in {p.layer for p in seen} - {p.layer for p in calls}:
                workload.left_out[layer.name] = "called where no gradients are recorded"
            if not calls:
                continue
            outputs = [passed.outputs for passed in calls]
            directions = torch.split(pulls.of(logits.detach(), rows), at_once)
            # The last pull of all frees the graph, so that it is not in memory beside the next
            # batch.
            for number, seeds in enumerate(directions, 1):
                gradients = [
                    torch.autograd.grad(
                        logits,
                        outputs,
                        direction,
                        retain_graph=number < len(directions) or last < len(seeds),
                        materialize_grads=True,
                    )
                    for last, direction in enumerate(seeds, 1)
                ]
                _hand_on(
                    workload, calls, [list(each) for each in zip(*gradients, strict=True)], take
                )
            workload.bar.step(rows.stop, len(workload.data))


def check_gradients(logits: Tensor) -> None:
    """Raise `InputError` for logits that cannot be differentiated."""
    if not logits.requires_grad:
        raise InputError(
            "the logits cannot be differentiated: the model computes them without recording "
            "gradients (torch.no_grad, inference_mode, detach, or whole numbers inside)"
        )


def wide(values: Tensor) -> Tensor:
    """Convert to at least single precision, so that squares neither overflow nor underflow."""
    return values.float() if values.element_size() < 4 else values


def _hand_on(
    workload: Workload,
    calls: list[LayerCall],
    gradients: list[list[Tensor]],
    take: Callable[[LogitGradients], None],
) -> None:
    for layer in dict.fromkeys(passed.layer for passed in calls):
        positions = [at for at, passed in enumerate(calls) if passed.layer == layer]
        parts = [
            torch.stack([wide(calls[at].by_channel(each)) for each in gradients[at]])
            for at in positions
        ]
        together = parts[0] if len(parts) == 1 else torch.cat(parts, 3)
        if not together.isfinite().all():
            workload.left_out[layer.name] = (
                "its gradient is not finite: a square root of 0, or an overflow of a narrow format?"
            )
            continue
        take(LogitGradients(layer, [calls[at] for at in positions], together))


def _portion(workload: Workload, layers: Sequence[Layer], pulls: Pulls) -> tuple[int, int]:
    """The numbers of samples per pass, and of pulls at a time, that fit into memory."""
    with torch.no_grad(), layer_calls(workload, layers) as seen:
        workload.forward(workload.data.rows(slice(0, 1)))
        # Of one sample; the gradients of a pull have the shapes of the outputs.
        values = max(1, sum(passed.outputs.numel() for passed in seen))
    at_once = max(1, min(pulls.number, _MOST // values))
    return max(1, min(workload.batch, _MOST // (at_once * values))), at_once
