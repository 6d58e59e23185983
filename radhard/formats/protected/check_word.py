"""How are the check bits of a block stored apart from its values?"""

import torch
from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.plain.layout import Layout
from radhard.spec import component

__all__ = ["CheckWord"]


@component
class CheckWord(Format):
    """A word of check bits; its value is the number that the bits represent.

    It is the format of the plane ``"check"`` of a protected format, and of a `WordBuffer`, not one
    for values of a model.
    """

    bits: int

    @property
    def layout(self) -> Layout:
        return (("check", self.bits),)

    def encode(self, x: Tensor) -> Tensor:
        codes = x.to(torch.int64)
        return codes if self.bits == 64 else codes & ((1 << self.bits) - 1)

    def decode(self, codes: Tensor) -> Tensor:
        # float64 holds integers exactly up to 2**53.
        return codes.clone() if self.bits > 53 else codes.to(torch.float64)
