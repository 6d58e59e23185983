"""How is a number stored with a code that corrects one bit?"""

import functools

from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.protected.check_columns import hamming_columns
from radhard.formats.protected.code_word import CodeWord
from radhard.formats.protected.protected_format import Decoding, ProtectedFormat, StoredBlocks
from radhard.spec import component

__all__ = ["Hamming"]


@component
class Hamming(ProtectedFormat):
    """A shortened Hamming code in every word: corrects each error of one bit.

    The check bits are stored above the word: 4 for 8 bits, 5 for 16, 6 for 32 (50, 31.25 and
    18.75 %). An error of several bits is miscorrected, that is, one more bit is changed, or
    detected, if no error of one bit explains it; a word with a detected error is read as stored.

    Raises:
        InputError: a protected ``inner`` format, or one of more than 57 bits.

    >>> import torch
    >>> from radhard.formats import Fixed
    >>> format = Hamming(Fixed(3, 4))
    >>> format.bits
    12
    >>> codes = format.encode(torch.tensor([1.25]))
    >>> format.decode(codes ^ (1 << 6))
    tensor([1.2500])
    """

    inner: Format

    @property
    def bits(self) -> int:
        """Width of a word: the inner word and its check bits."""
        return self.inner.bits + hamming_columns(self.inner.bits)[1]

    def protect(self, codes: Tensor) -> StoredBlocks:
        return _code_word(self.inner.bits).protect(codes)

    def recover(self, stored: StoredBlocks) -> Decoding:
        return _code_word(self.inner.bits).recover(stored)


@functools.cache
def _code_word(data_bits: int) -> CodeWord:
    return CodeWord.of(*hamming_columns(data_bits))
