"""Faults in what a model stores beside its parameters."""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn

from radhard.spec import component
from radhard.targets.stored import Stored

__all__ = ["Buffers"]


@component
class Buffers(Stored):
    """Buffers, such as the running mean and variance of batch normalisation, ``Buffers("bn1.*")``.

    ``pattern`` and ``layers`` as for `Weights`. Integer buffers (counters) are passed over.
    """

    pattern: str
    layers: str | None = None

    @property
    def role(self) -> Literal["buffer"]:
        return "buffer"

    def candidates(self, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
        return model.named_buffers(remove_duplicate=False)
