"""How much memory does it take to protect only some words?"""

from dataclasses import dataclass
from typing import final

from radhard.errors import InputError
from radhard.formats.protected.check_columns import hamming_columns
from radhard.stats import check_number

__all__ = ["SelectiveMemory", "hamming_bits", "selective_memory"]


@final
@dataclass(frozen=True)
class SelectiveMemory:
    """Additional memory, as shares of the memory of the words themselves."""

    every_word: float
    """Check bits if all words are protected."""
    critical_words: float
    """Check bits if only the critical words are protected."""
    signature: float
    """One bit per word, which tells critical words from others."""

    @property
    def gain(self) -> float:
        """The share of the additional memory that is saved; negative if more is needed.

        >>> round(SelectiveMemory(0.1875, critical_words=0.09926, signature=0.03125).gain, 5)
        0.30395
        """
        return 1 - (self.critical_words + self.signature) / self.every_word


def selective_memory(bits: int, share: float) -> SelectiveMemory:
    """The additional memory if a share of words of ``bits`` bits has a Hamming code each.

    The code corrects one flipped bit per word. The signature is not protected itself.

    Raises:
        InputError: no bits, or a share outside [0, 1].

    >>> memory = selective_memory(32, share=0.5)
    >>> memory.every_word, memory.critical_words, memory.signature
    (0.1875, 0.09375, 0.03125)
    """
    check_number("share", share, 0, 1)
    whole = hamming_bits(bits) / bits
    return SelectiveMemory(whole, share * whole, 1 / bits)


def hamming_bits(bits: int) -> int:
    """Check bits of a Hamming code that corrects one flipped bit in a word of ``bits`` bits.

    >>> [hamming_bits(bits) for bits in (8, 16, 32)]
    [4, 5, 6]
    """
    if bits < 1:
        raise InputError(f"bits={bits!r} is not a width of words; at least 1")
    _, check = hamming_columns(bits)
    return check
