"""How is a number stored with a parity bit?"""

import functools
from typing import Literal

import torch
from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.protected.linear_code import LinearCode
from radhard.formats.protected.protected_format import (
    CLEAN,
    DETECTED,
    Decoding,
    ProtectedFormat,
    StoredBlocks,
)
from radhard.spec import component

__all__ = ["Parity"]


@component
class Parity(ProtectedFormat):
    """A bit of even parity above every word: detects each error of an odd number of bits.

    With ``on_error="zero"``, a word with an error is read as the word 0, also if only the parity
    bit is wrong; this is the value 0 in all formats of radhard but `E8M0`, which has no zero. With
    ``"keep"``, it is read as stored.

    Raises:
        InputError: a protected ``inner`` format, or one of more than 63 bits.

    >>> import torch
    >>> from radhard.formats import Float32
    >>> format = Parity(Float32())
    >>> format.decode(format.encode(torch.tensor([0.5, 3.0])) ^ torch.tensor([1 << 30, 0]))
    tensor([0., 3.])
    """

    inner: Format
    on_error: Literal["zero", "keep"] = "zero"

    @property
    def bits(self) -> int:
        """Width of a word: the inner word and the parity bit."""
        return self.inner.bits + 1

    def protect(self, codes: Tensor) -> StoredBlocks:
        # The parity bit itself is still 0, so that this is the parity of the inner word.
        odd = _parity(self.bits).syndromes(codes)[:, None]
        return StoredBlocks(codes | odd.to(codes.dtype) << self.inner.bits)

    def recover(self, stored: StoredBlocks) -> Decoding:
        odd = _parity(self.bits).syndromes(stored.codes)
        codes = stored.codes & ((1 << self.inner.bits) - 1)
        flags = torch.full((len(codes),), CLEAN, dtype=torch.int8, device=codes.device)
        wrong = odd.nonzero().flatten()
        flags[wrong] = DETECTED
        if self.on_error == "zero":
            codes[wrong] = 0
        return Decoding(codes, flags)


@functools.cache
def _parity(bits: int) -> LinearCode:
    return LinearCode((1,) * bits, bits, 1)
