"""How is a model with its data held ready to be looked at?"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from radhard.analyses.subject import Subject
from radhard.arguments import demand_function, whole
from radhard.datasets.data import Data
from radhard.engines.golden import golden_outputs
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import faultless
from radhard.module import usable_module
from radhard.state import Steady, unwrapped
from radhard.targets import Forward

__all__ = ["looked_at"]


@contextmanager
def looked_at(
    by: str,
    model: nn.Module,
    data: Any,
    *,
    call: Forward,
    batch: int,
    seed: int,
    progress: bool | None,
    deterministic: bool = True,
) -> Iterator[Subject]:
    """A model in evaluation mode with data while open, left bit for bit as it was.

    Raises:
        InputError: it is no classifier, or cannot be used with these data.
    """
    model = usable_module(model)
    seed, batch = whole(seed, "seed", least=0), whole(batch, "batch", least=1)
    demand_function(call, "call")
    data = Data.of(data).differentiable()
    device = next((t.device for t in (*model.parameters(), *model.buffers())), None)
    data = data if device is None else data.to(device)
    batch = min(batch, len(data))
    # Gradients are computed whatever mode the caller is in.
    with torch.inference_mode(False), evaluating(model), untouched(model):
        call = Steady(call, model)
        logits = golden_outputs(
            model,
            data,
            Steady(faultless(unwrapped(call)), model),
            batch,
            deterministic=deterministic,
        )
        if not logits.is_floating_point():
            raise InputError(
                f"{by} looks at classifiers, with scores of classes; this model gives whole "
                f"numbers ({logits.dtype}), as token ids and classes are; give the scores before "
                "them: call=lambda model, batch: ..."
            )
        if logits.ndim != 2 or logits.shape[1] < 2:
            raise InputError(
                f"{by} looks at classifiers, with outputs (samples, classes); this model gives "
                f"{tuple(logits.shape)}"
            )
        subject = Subject(
            model, data, call, batch, seed, logits, progress, deterministic=deterministic
        )
        with subject.shown(by):
            yield subject


class untouched:  # noqa: N801  # reads as what it does
    """While open, gradients may be asked for; afterwards flags and ``.grad`` are as they were."""

    def __init__(self, model: nn.Module) -> None:
        self._was = [(p, p.requires_grad, p.grad) for p in model.parameters()]

    def __enter__(self) -> None:
        for parameter, _, _ in self._was:
            parameter.grad = None

    def __exit__(self, *_: object) -> None:
        for parameter, required, gradient in self._was:
            if parameter.requires_grad != required:
                parameter.requires_grad_(required)
            parameter.grad = gradient
