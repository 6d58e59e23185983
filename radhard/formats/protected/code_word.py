"""How is a word stored together with the check bits of a linear code?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from radhard.formats.protected.linear_code import LinearCode
from radhard.formats.protected.protected_format import Decoding, StoredBlocks

__all__ = ["CodeWord"]


@dataclass(frozen=True, eq=False)
class CodeWord:
    """A word that contains its check bits, above its data bits."""

    code: LinearCode
    """The code, over data bits and check bits."""
    data_bits: int
    """Width of the word that is protected."""

    @classmethod
    def of(cls, columns: Sequence[int], check_bits: int) -> Self:
        """The code word with these columns for its data bits; check bits have unit columns."""
        every = (*columns, *(1 << check for check in range(check_bits)))
        return cls(LinearCode(every, len(every), check_bits), len(columns))

    def protect(self, codes: Tensor) -> StoredBlocks:
        """Data words ``(words, 1)`` with their check bits."""
        # Without check bits, the syndrome is what they have to be.
        checks = self.code.syndromes(codes).to(codes.dtype)[:, None]
        return StoredBlocks(codes | checks << self.data_bits)

    def recover(self, stored: StoredBlocks) -> Decoding:
        """Data words ``(words, 1)`` after correction, and as stored where it is impossible."""
        found = self.code.correct(stored.codes, self.code.syndromes(stored.codes))
        return Decoding(found.codes & ((1 << self.data_bits) - 1), found.flags)
