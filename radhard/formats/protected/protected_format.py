"""How is a number stored with check bits, and how are errors in the word corrected?"""

import copy
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.layout import field_at
from radhard.formats.protected.check_word import CheckWord

__all__ = ["CLEAN", "CORRECTED", "DETECTED", "Decoding", "ProtectedFormat", "StoredBlocks"]

CLEAN = 0
"""What a decoder reports of a block: no error found."""
CORRECTED = 1
"""What a decoder reports of a block: an error found and corrected, rightly or not."""
DETECTED = 2
"""What a decoder reports of a block: an error that it cannot correct."""

_WIDEST = 64


@dataclass(frozen=True)
class StoredBlocks:
    """Blocks of words in memory: what `protect` makes of the words of the inner format.

    A block is what a code encodes together: one word, or ``block`` of them. Faults change it, and
    `recover` decodes it.
    """

    codes: Tensor
    """The stored word of each value, ``(blocks, block)``, int64."""
    check: Tensor | None = None
    """The check bits of each block, ``(blocks,)``, int64; None if the codes contain them."""


@dataclass(frozen=True)
class Decoding:
    """What a decoder makes of stored blocks: the words, and what it says of each block.

    The decoder may be wrong: with too many errors in a block it flags `CORRECTED` or `CLEAN`
    although a word is not the one that was stored.
    """

    codes: Tensor
    """The word of the inner format of each value, ``(blocks, block)``, int64."""
    flags: Tensor
    """`CLEAN`, `CORRECTED` or `DETECTED` for each block, ``(blocks,)``, int8."""


class ProtectedFormat(Format):
    """A format that stores the words of another format with redundancy.

    ``block`` consecutive values, in row-major order, form a block, which is encoded and decoded as
    a whole; the last block of a tensor is completed by words of zeros. Check bits are part of the
    stored words, or a separate plane ``"check"`` with one word for each block. What is rounded,
    fitted and scaled is the inner format.
    """

    inner: Format

    @property
    def bits(self) -> int:
        """Width of a stored word."""
        return self.inner.bits

    @property
    def embedded(self) -> int:
        """Number of the lowest bits of an inner word that are replaced by check bits."""
        return 0

    @property
    def block(self) -> int:
        """Number of values that are decoded together."""
        return 1

    @property
    def check_bits(self) -> int:
        """Width of a word of the plane ``"check"``; 0 if the stored words contain all bits."""
        return 0

    @property
    def check_word(self) -> CheckWord:
        """The format of the words of the plane ``"check"``."""
        return CheckWord(self.check_bits)

    @property
    def by_word(self) -> bool:
        return self.block == 1 and not self.check_bits

    @property
    def redundant_field(self) -> str:
        """The field of the bits that a stored word has in addition to the inner word, above it."""
        return "check"

    @property
    def fields(self) -> tuple[str, ...]:
        if self.embedded:
            return (*self.inner.fields, "check")
        wider = self.bits > self.inner.bits
        return (self.redundant_field, *self.inner.fields) if wider else self.inner.fields

    def field(self, bit: int) -> str:
        above = self.bits - self.inner.bits
        if 0 <= bit < self.embedded:
            return "check"
        if 0 <= bit < self.inner.bits:
            return self.inner.field(bit)
        return field_at(bit, ((self.redundant_field, above), ("", self.inner.bits)))

    def stored_bits(self, shape: tuple[int, ...]) -> int:
        blocks = -(-math.prod(shape) // self.block)
        return super().stored_bits(shape) + blocks * self.check_bits

    @abstractmethod
    def protect(self, codes: Tensor) -> StoredBlocks:
        """Stored words of blocks of words of the inner format, ``(blocks, block)``."""

    @abstractmethod
    def recover(self, stored: StoredBlocks) -> Decoding:
        """Words of the inner format from stored words, any of whose bits may be wrong."""

    def check(self) -> None:
        if isinstance(self.inner, ProtectedFormat):
            raise InputError(
                f"{self!r}: the inner format is protected already; give a plain one such as "
                "Float32() or Int(8)"
            )
        if self.bits > _WIDEST:
            raise InputError(
                f"{self!r} stores words of {self.bits} bits; {_WIDEST} is the limit: choose a "
                "narrower inner format, or SecDed(..., block=2), which stores check bits apart"
            )

    @property
    def has_scale(self) -> bool:
        return self.inner.has_scale

    @property
    def planes(self) -> tuple[str, ...]:
        return (*self.inner.planes, "check") if self.check_bits else self.inner.planes

    @property
    def scale(self) -> Tensor | None:
        return self.inner.scale

    @property
    def scale_is_exact(self) -> bool:
        return self.inner.scale_is_exact

    def scaled(self, scales: Any) -> Self:
        return self._around(self.inner.scaled(scales))

    def scale_words(self) -> Format:
        return self.inner.scale_words()

    def scale_index(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:
        return self.inner.scale_index(words, shape)

    def fit(self, x: Tensor) -> Self:
        return self._around(self.inner.fit(x)) if self.has_scale else self

    def take(self, words: Tensor, shape: tuple[int, ...]) -> Self:
        return self._around(self.inner.take(words, shape)) if self.has_scale else self

    def encode(self, x: Tensor) -> Tensor:
        """Stored words of all values of a tensor, without the plane ``"check"``."""
        return self._by_block(self.inner.encode(x), lambda blocks: self.protect(blocks).codes)

    def decode(self, codes: Tensor) -> Tensor:
        """Values of the stored words of a whole tensor.

        Errors are corrected if the words contain their check bits; without the plane ``"check"``,
        nothing can be corrected.
        """
        if self.check_bits:
            return self.inner.decode(codes)
        return self.inner.decode(self._recovered(codes))

    def unchanged(self, before: Tensor, after: Tensor) -> Tensor:
        if self.check_bits:
            return before == after
        # Words that differ in bits which are corrected, or only hold check bits, have the same
        # value.
        return self._recovered(before) == self._recovered(after)

    def _around(self, inner: Format) -> Self:
        """This format around another state of its inner format, such as one with a scale."""
        other = copy.copy(self)
        # The scale belongs to the tensor; the spec of the inner format stays the same.
        object.__setattr__(other, "inner", inner)
        return other

    def _recovered(self, codes: Tensor) -> Tensor:
        """Words of the inner format from the stored words of a whole tensor, in any shape."""
        return self._by_block(codes, lambda blocks: self.recover(StoredBlocks(blocks)).codes)

    def _by_block(self, codes: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """A function of blocks, ``(blocks, block)``, for the words of a tensor in any shape."""
        flat = codes.reshape(-1)
        missing = -len(flat) % self.block
        padded = torch.nn.functional.pad(flat, (0, missing)).reshape(-1, self.block)
        return function(padded).reshape(-1)[: len(flat)].reshape(codes.shape)
