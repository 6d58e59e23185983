"""Faults in the gradients of the parameters."""

from typing import Literal

from radhard.spec import component
from radhard.targets.training_target import TrainingTarget

__all__ = ["Gradients"]


@component
class Gradients(TrainingTarget):
    """Gradients of the trainable parameters, in training only: ``Gradients("conv*")``.

    ``pattern``: globs of names of parameters or of their layers, joined by ``|``; ``layers``: globs
    of layer classes. The gradient of ``fc.weight`` is named ``fc.weight.grad``. A fault is injected
    when the backward pass has computed the gradient, before anything reads it, such as gradient
    clipping or the optimizer.
    """

    pattern: str
    layers: str | None = None

    @property
    def role(self) -> Literal["gradient"]:
        return "gradient"

    @property
    def entry(self) -> str:
        return "grad"
