"""How is a number stored with a code that corrects one bit and detects two?"""

import functools

from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.protected.check_columns import hsiao_columns
from radhard.formats.protected.code_word import CodeWord
from radhard.formats.protected.linear_code import LinearCode
from radhard.formats.protected.protected_format import Decoding, ProtectedFormat, StoredBlocks
from radhard.spec import component

__all__ = ["SecDed"]

_WIDEST_WORD = 64
_WIDEST_BLOCK = 4096


@component
class SecDed(ProtectedFormat):
    """A Hsiao code over one value or a block of values: corrects one bit, detects two.

    ``block`` consecutive values share the check bits: ``SecDed(Int(8), block=8)`` stores 8 check
    bits for 64 bits, as memories with ECC do. The check bits of a single value are stored above its
    word, if 64 bits are enough for both, otherwise in the plane ``"check"``, as those of a block.
    An error of three bits or more may be miscorrected. A block with an error that is only detected
    is read as stored.

    Source: Hsiao, IBM Journal of Research and Development 14(4), 1970.

    Raises:
        InputError: a protected ``inner`` format; ``block`` below 1, or a block of more than 4096
            bits.

    >>> from radhard.formats import Float32, Int
    >>> SecDed(Float32()).bits
    39
    >>> SecDed(Int(8), block=8).bits, SecDed(Int(8), block=8).check_bits
    (8, 8)
    """

    inner: Format
    block: int = 1

    def check(self) -> None:
        if self.block < 1:
            raise InputError(
                f"{self!r}: block is the number of values that share check bits, 1 or more"
            )
        if self.inner.bits * self.block > _WIDEST_BLOCK:
            raise InputError(
                f"{self!r}: a block has at most {_WIDEST_BLOCK} bits; choose block="
                f"{_WIDEST_BLOCK // self.inner.bits} or less"
            )
        super().check()

    @property
    def bits(self) -> int:
        """Width of a word: the inner word, and its check bits unless they are stored apart."""
        return self.inner.bits + (0 if self.check_bits else self._redundancy)

    @property
    def check_bits(self) -> int:
        apart = self.block > 1 or self.inner.bits + self._redundancy > _WIDEST_WORD
        return self._redundancy if apart else 0

    @property
    def _redundancy(self) -> int:
        """The number of check bits of a block."""
        return hsiao_columns(self.inner.bits * self.block)[1]

    def protect(self, codes: Tensor) -> StoredBlocks:
        if not self.check_bits:
            return _code_word(self.inner.bits).protect(codes)
        check = _block_code(self.inner.bits, self.block).syndromes(codes)
        return StoredBlocks(codes, check.to(codes.dtype))

    def recover(self, stored: StoredBlocks) -> Decoding:
        if stored.check is None:
            return _code_word(self.inner.bits).recover(stored)
        code = _block_code(self.inner.bits, self.block)
        # Check bits have unit columns: stored apart, they are their own part of the syndrome.
        return code.correct(stored.codes, code.syndromes(stored.codes) ^ stored.check)


@functools.cache
def _code_word(data_bits: int) -> CodeWord:
    return CodeWord.of(*hsiao_columns(data_bits))


@functools.cache
def _block_code(width: int, block: int) -> LinearCode:
    columns, check_bits = hsiao_columns(width * block)
    return LinearCode(columns, width, check_bits)
