"""How are the check bits of a block stored apart from its values?"""

import torch
from torch import Tensor

from radhard.formats.base import Format
from radhard.spec import component

__all__ = ["CheckWord"]


@component
class CheckWord(Format):
    """A word of check bits; its value is the number that the bits represent.

    It is the format of the plane ``"check"`` of a protected format, not one for tensors of a model.
    """

    bits: int

    def field(self, bit: int) -> str:  # noqa: ARG002
        return "check"

    @property
    def fields(self) -> tuple[str, ...]:
        return ("check",)

    def encode(self, x: Tensor) -> Tensor:
        return x.to(torch.int64)

    def decode(self, codes: Tensor) -> Tensor:
        return codes.to(torch.float64)
