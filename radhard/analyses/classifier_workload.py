"""How is a classifier prepared for an analysis, and restored?"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from radhard.forward import Forward
from radhard.progress_bar import ProgressBar
from radhard.workload import Workload

__all__ = ["classifier_workload"]


@contextmanager
def classifier_workload(
    by: str,
    model: nn.Module,
    data: Any,
    *,
    call: Forward,
    batch: int,
    seed: int,
    progress: bool | None,
    deterministic: bool = True,
) -> Iterator[Workload]:
    """The workload of a classifier while open; the model is restored bit for bit.

    Raises:
        InputError: it is not a classifier, or cannot be used with these data.
    """
    workload = Workload.of(
        model,
        data,
        call=call,
        batch=batch,
        seed=seed,
        deterministic=deterministic,
        differentiable=True,
    )
    workload.bar = ProgressBar(shown=progress)
    # Gradients can be computed also if the caller is in inference mode.
    with torch.inference_mode(False), workload.open(), _gradients_restored(workload.model):
        workload.check_classifier(by)
        with workload.bar.open(by):
            yield workload


@contextmanager
def _gradients_restored(model: nn.Module) -> Iterator[None]:
    """Clear ``.grad`` while open; then restore it and ``requires_grad``."""
    before = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    for parameter, _, _ in before:
        # Set aside and not zeroed: passes must not add to a gradient that the user has accumulated.
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, required, gradient in before:
            if parameter.requires_grad != required:
                parameter.requires_grad_(required)
            parameter.grad = gradient
