"""How do the lowest bits of a word protect the others?"""

import functools
import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.formats.protected.linear_code import LinearCode
from radhard.formats.protected.protected_format import (
    CLEAN,
    CORRECTED,
    DETECTED,
    Decoding,
    StoredBlocks,
)
from radhard.formats.protected.spare_bits import Float, shorten

__all__ = ["BitGroup", "InPlaceCode"]


@dataclass(frozen=True)
class BitGroup:
    """Bits of a word that are protected together."""

    bits: tuple[int, ...]
    """The bits of the word that are protected."""
    columns: tuple[int, ...]
    """The column of each: bit ``i`` is set if check bit ``i`` of the group covers it."""
    check_bits: int
    """Number of check bits of the group."""
    cleared: int
    """The bits of the word that are cleared by an error which cannot be corrected, as a mask."""

    def correction(self, syndrome: int) -> tuple[int, int, int]:
        """The bits to flip and the bits to clear, as masks, and the flag.

        An error is corrected if exactly one bit, check bits included, explains it.
        """
        if not syndrome:
            return 0, 0, CLEAN
        explained = [bit for bit, c in zip(self.bits, self.columns, strict=True) if c == syndrome]
        # The column of a check bit has a single one.
        in_check = syndrome & (syndrome - 1) == 0
        if len(explained) + in_check != 1:
            return 0, self.cleared, DETECTED
        return sum(1 << bit for bit in explained), 0, CORRECTED


@dataclass(frozen=True, eq=False)
class InPlaceCode:
    """Check bits of some groups of bits in its lowest bits, those of the first group lowest."""

    groups: tuple[BitGroup, ...]
    width: int
    """Width of a word in bits."""

    @property
    def check_bits(self) -> int:
        """Number of bits at the lower end of the word that hold check bits."""
        return sum(group.check_bits for group in self.groups)

    def protect(self, codes: Tensor, inner: Float, *, nearest: bool) -> StoredBlocks:
        """Words ``(words, 1)`` of a float, rounded, with check bits in place of their lowest bits.

        They are rounded to nearest or towards zero.
        """
        short = shorten(codes, inner, self.check_bits, nearest=nearest)
        # Without check bits, the syndrome is what they have to be.
        return StoredBlocks(short | _code(self).syndromes(short).to(short.dtype)[:, None])

    def recover(self, stored: StoredBlocks) -> Decoding:
        """Words ``(words, 1)`` after correction, with 0 in their lowest bits."""
        codes = stored.codes
        syndromes = _code(self).syndromes(codes)
        # A new tensor, in which corrections are written; the stored words stay as they are.
        codes = codes & -(1 << self.check_bits)
        flags = torch.full((len(codes),), CLEAN, dtype=torch.int8, device=codes.device)
        wrong = syndromes.nonzero().flatten()
        if len(wrong):
            flip, keep, flag = _corrections(self, codes.device)
            which = syndromes[wrong].to(torch.int64)
            codes[wrong, 0] = ((codes[wrong, 0] ^ flip[which]) & keep[which]).to(codes.dtype)
            flags[wrong] = flag[which]
        return Decoding(codes, flags)


@functools.cache
def _code(code: InPlaceCode) -> LinearCode:
    """The linear code over the whole word, whose syndrome joins those of the groups."""
    columns = [0] * code.width
    at = 0
    for group in code.groups:
        for bit, column in zip(group.bits, group.columns, strict=True):
            columns[bit] = column << at
        for check in range(at, at + group.check_bits):
            columns[check] = 1 << check
        at += group.check_bits
    return LinearCode(tuple(columns), code.width, code.check_bits)


@functools.cache
def _corrections(code: InPlaceCode, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each joint syndrome the bits to flip and the bits to keep, as masks, and the flag."""
    every = [
        [group.correction(syndrome) for syndrome in range(1 << group.check_bits)]
        for group in code.groups
    ]
    flips, keeps, flags = [], [], []
    # The first group is the lowest and has to vary fastest.
    for one in itertools.product(*reversed(every)):
        flips.append(sum(flip for flip, _, _ in one))
        keeps.append(((1 << 64) - 1) ^ functools.reduce(int.__or__, (c for _, c, _ in one)))
        # The flags ascend with the severity; the worst of the groups is that of the word.
        flags.append(max(flag for _, _, flag in one))
    return (
        torch.tensor([_signed(flip) for flip in flips], device=device),
        torch.tensor([_signed(keep) for keep in keeps], device=device),
        torch.tensor(flags, dtype=torch.int8, device=device),
    )


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
