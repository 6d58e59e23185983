"""How is a number stored in several copies?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.protected.protected_format import (
    CLEAN,
    CORRECTED,
    Decoding,
    ProtectedFormat,
    StoredBlocks,
)
from radhard.spec import component

__all__ = ["Replicated"]

_WIDEST = 64


@component
class Replicated(ProtectedFormat):
    """Several copies of every word, read as the majority of each bit.

    Each bit is correct as long as fewer than half of its copies are wrong; copies that differ are
    reported as corrected, and an error in the majority of copies cannot be recognised as such. The
    first copy is the lowest; the others, the field ``"copy"``, are stored above it, or, if 64 bits
    are not enough for all, in the plane ``"check"``.

    Raises:
        InputError: a protected ``inner`` format; a number of ``copies`` that is even or less than
            3; more than 64 bits for the copies apart from the first.

    >>> from radhard.formats import Fixed, Float32
    >>> Replicated(Fixed(3, 4)).bits
    24
    >>> Replicated(Float32()).bits, Replicated(Float32()).check_bits
    (32, 64)
    """

    inner: Format
    copies: int = 3

    def check(self) -> None:
        if self.copies < 3 or self.copies % 2 == 0:
            raise InputError(
                f"{self!r}: copies must be an odd number of 3 or more, for a majority of each bit"
            )
        if (self.copies - 1) * self.inner.bits > _WIDEST:
            raise InputError(
                f"{self!r} stores {(self.copies - 1) * self.inner.bits} bits apart from the first "
                f"copy; {_WIDEST} is the limit: choose fewer copies or a narrower inner format"
            )
        super().check()

    @property
    def bits(self) -> int:
        """Width of a word: all copies, or the first if the others are stored apart."""
        return self.inner.bits * (1 if self.check_bits else self.copies)

    @property
    def check_bits(self) -> int:
        apart = self.copies * self.inner.bits > _WIDEST
        return (self.copies - 1) * self.inner.bits if apart else 0

    @property
    def redundant_field(self) -> str:
        return "copy"

    def protect(self, codes: Tensor) -> StoredBlocks:
        others = self._others(codes)
        if self.check_bits:
            return StoredBlocks(codes, others.flatten())
        return StoredBlocks(codes | others << self.inner.bits)

    def recover(self, stored: StoredBlocks) -> Decoding:
        width = self.inner.bits
        # An odd number of copies never fills 64 bits, so that the shift brings no sign bits in.
        codes, others = stored.codes & ((1 << width) - 1), stored.codes >> width
        if stored.check is not None:
            others = stored.check[:, None]
        flags = torch.full((len(codes),), CLEAN, dtype=torch.int8, device=codes.device)
        # Errors are rare: the majority is computed only where copies differ.
        wrong = (others != self._others(codes)).flatten().nonzero().flatten()
        if len(wrong):
            flags[wrong] = CORRECTED
            codes[wrong] = self._majority(codes[wrong], others[wrong])
        return Decoding(codes, flags)

    def _others(self, codes: Tensor) -> Tensor:
        """Copies of words apart from the first, side by side."""
        # A multiplication by a number with one bit set for each copy.
        return codes * sum(1 << copy * self.inner.bits for copy in range(self.copies - 1))

    def _majority(self, first: Tensor, others: Tensor) -> Tensor:
        width = self.inner.bits
        copies = [first, *(others >> n * width for n in range(self.copies - 1))]
        # Bit by bit: whether it is set in at least 1, 2, ... copies.
        at_least = [torch.zeros_like(first) for _ in range((self.copies + 1) // 2)]
        for copy in copies:
            for n in reversed(range(1, len(at_least))):
                at_least[n] |= at_least[n - 1] & copy
            at_least[0] |= copy
        return at_least[-1] & ((1 << width) - 1)
