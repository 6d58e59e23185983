"""Faults in the stored weights."""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from radhard.spec import component
from radhard.targets.stored import Stored, parameters

__all__ = ["Weights"]


@component
class Weights(Stored):
    """Weights: every parameter that is not a bias, also a norm's scale, ``Weights("conv*")``.

    ``pattern``: globs of tensor or layer names, joined by ``|``; ``layers``: globs of layer
    classes, such as ``"Conv2d|Linear"``.
    """

    pattern: str
    layers: str | None = None

    @property
    def role(self) -> Literal["weight"]:
        return "weight"

    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        return parameters(model, biases=False)
