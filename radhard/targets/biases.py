"""Faults in the stored biases."""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from radhard.spec import component
from radhard.targets.stored import Stored, parameters

__all__ = ["Biases"]


@component
class Biases(Stored):
    """Biases: every parameter with "bias" in its name, also a norm's shift, ``Biases("*")``.

    A fault stays until the parameters are loaded again. ``pattern`` and ``layers`` as for
    `Weights`: ``Biases("fc*")``, ``Biases("*", layers="Conv2d")``.

    Raises:
        InputError: nothing matches; the message lists the biases of the model.
    """

    pattern: str
    layers: str | None = None

    @property
    def role(self) -> Literal["bias"]:
        return "bias"

    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        return parameters(model, biases=True)
