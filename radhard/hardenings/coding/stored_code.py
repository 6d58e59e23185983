"""How are words of memory checked and corrected by the code of a protected format?"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import CORRECTED, ProtectedFormat, StoredBlocks
from radhard.formats.protected.cep import Cep
from radhard.formats.protected.hamming import Hamming
from radhard.formats.protected.in_place_hamming import InPlaceHamming
from radhard.formats.protected.linear_code import LinearCode
from radhard.formats.protected.mset import Mset
from radhard.formats.protected.parity import Parity
from radhard.formats.protected.sec_ded import SecDed

__all__ = ["CorrectedBlocks", "StoredCode", "code_of"]

_LINEAR = (Hamming, SecDed, Parity, InPlaceHamming, Mset, Cep)
"""Formats whose check bits are XORs of data bits, so that tables can compute them."""

_TABLE = 12
"""Largest number of check bits for which there is a table of what each syndrome corrects."""


@dataclass(frozen=True)
class CorrectedBlocks:
    """Blocks of stored words after a correction."""

    words: Tensor
    """The words to be stored, ``(blocks, block)``, int64."""
    check: Tensor | None
    """The check bits to be stored, ``(blocks,)``, int64; None if the words contain them."""
    flags: Tensor
    """What the decoder reports of each block, ``(blocks,)``."""


@dataclass(frozen=True, eq=False)
class StoredCode:
    """The code of a protected format over words of its inner format and separate check bits.

    Words are in torch integers of `dtype`, ``(blocks, block)``. Check bits are ``(blocks,)``, or,
    for a format in place, the lowest bits of the words. Properties are computed once, as they are
    read before every pass.
    """

    format: ProtectedFormat

    @functools.cached_property
    def block(self) -> int:
        """Number of words that are decoded together."""
        return self.format.block

    @functools.cached_property
    def width(self) -> int:
        """Width of a word in bits."""
        return self.format.inner.bits

    @functools.cached_property
    def dtype(self) -> torch.dtype:
        """The narrowest signed integer that holds a word; uint8 for at most 8 bits."""
        narrow = torch.uint8 if self.width <= 8 else torch.int16 if self.width <= 16 else None
        return narrow or (torch.int32 if self.width <= 32 else torch.int64)

    @functools.cached_property
    def check_bits(self) -> int:
        """Number of check bits that are stored beside a block; 0 in place."""
        # Some formats have check bits of their own, others wider words than their inner format.
        return self.format.check_bits or self.format.bits - self.width

    @functools.cached_property
    def embedded(self) -> int:
        """A mask of the bits of a word that are check bits, in place."""
        return _low(self.format.embedded)

    def encode(self, words: Tensor) -> tuple[Tensor, Tensor | None]:
        """Words to be stored, and check bits, of words of the inner format, all int64."""
        stored = self.format.protect(words)
        if not self.check_bits:
            return stored.codes, None
        if stored.check is not None:
            return stored.codes, stored.check
        # Check bits above the data in one word, which holds a single value.
        return words, stored.codes.flatten() >> self.width & _low(self.check_bits)

    def wrong(self, words: Tensor, check: Tensor | None, *, overwrite: bool = False) -> Tensor:
        """Numbers of the blocks that are no words of the code, ascending.

        Words may also be in one dimension, block after block. Where the syndromes are 0, which is
        usual, only these are computed. ``overwrite``: the memory of the words may be used for the
        computation.
        """
        if not self._is_linear:
            whole = words.view(-1, self.block).to(torch.int64) & _low(self.width)
            checks = None if check is None else check.to(torch.int64)
            return self._recover(whole, checks)[1].nonzero().flatten()
        syndromes = self._linear.syndromes(words, overwrite=overwrite)
        if check is not None:
            syndromes.bitwise_xor_(check)
        # Finding places takes several times as long as finding that there is none.
        return syndromes.nonzero().flatten() if bool(syndromes.any()) else _none(words.device)

    def correct(self, words: Tensor, check: Tensor | None) -> CorrectedBlocks:
        """Blocks of int64 words after a correction.

        A block whose error is only detected is left as it is, so that it is detected again; unless
        the format clears it.
        """
        codes, flags = self._recover(words, check)
        if self._has_table:
            return CorrectedBlocks(*self.correct_by_table(words, check), flags)
        # Also if only check bits were wrong: then the data are the same, and the flag tells.
        changed = (codes != words & ~self.embedded).any(dim=1) | (flags == CORRECTED)
        again, checks = self.encode(codes)
        kept = torch.where(changed[:, None], again, words)
        if check is None or checks is None:
            return CorrectedBlocks(kept, None, flags)
        return CorrectedBlocks(kept, torch.where(changed, checks, check), flags)

    def prepare(self) -> None:
        """Compute the tables, which a program that is being traced must only read."""
        # Also where the default device is the meta device, on which tables would be empty.
        with torch.inference_mode(False), torch.device("cpu"):
            if self._is_linear:
                self._linear.syndromes(torch.zeros(1, self.block, dtype=self.dtype))
                if self._has_table:
                    _corrections(self, torch.device("cpu"))

    def correct_by_table(self, words: Tensor, check: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Words and check bits after a correction of int64 blocks, without any branch.

        Raises:
            InputError: the code has no table of corrections.
        """
        if not self._has_table:
            raise InputError(
                f"{self.format!r} is decoded with branches on the words, which an exported program "
                "cannot contain; choose a code of at most 12 check bits such as "
                f"SecDed({self.format.inner!r}), or scrub(model) from outside"
            )
        flip, keep, rewrites = _corrections(self, words.device)
        syndromes = self._linear.syndromes(words).to(torch.int64)
        if check is not None:
            syndromes = syndromes ^ check
        data = (words & ~self.embedded ^ flip[syndromes]) & keep[syndromes]
        again = self._linear.syndromes(data).to(torch.int64)
        if check is None:
            # Without the check bits, the syndrome is what they have to be.
            return torch.where(rewrites[syndromes][:, None], data | again[:, None], words), None
        return data, torch.where(rewrites[syndromes], again, check)

    @functools.cached_property
    def _is_linear(self) -> bool:
        # Before every pass, asking for each class would take longer than a step of the decoder.
        return isinstance(self.format, _LINEAR)

    @functools.cached_property
    def _has_table(self) -> bool:
        bits = self.check_bits or self.embedded.bit_count()
        # A table has an entry for each syndrome and word of a block.
        return self._is_linear and bits <= _TABLE and self.block << bits <= 1 << 16

    def _recover(self, words: Tensor, check: Tensor | None) -> tuple[Tensor, Tensor]:
        """Data words and flags."""
        if check is not None and not self.format.check_bits:
            # The format takes check bits above the data, as it encodes them.
            words, check = words | check[:, None] << self.width, None
        found = self.format.recover(StoredBlocks(words, check))
        return found.codes, found.flags

    @functools.cached_property
    def _linear(self) -> LinearCode:
        """The code over the bits of the words, without check bits that are stored apart."""
        bits = self.check_bits or self.embedded.bit_count()
        return LinearCode(tuple(_columns(self).tolist()), self.width, bits)


@functools.cache
def code_of(format: ProtectedFormat) -> StoredCode:
    """The code of a format; tables of one code are made once."""
    return StoredCode(format)


@functools.cache
def _corrections(code: StoredCode, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each syndrome the bits to flip and the bits to keep, as masks, ``(syndromes, block)``.

    And whether the check bits are computed anew. What a decoder does to a linear code depends on
    the syndrome alone, so that two words of the code, of zeros and of ones, show it.
    """
    count = 1 << (code.check_bits or code.embedded.bit_count())
    syndromes = torch.arange(count)
    every = _low(code.width) & ~code.embedded
    shown = []
    for data in (0, every):
        words, check = code.encode(torch.full((count, code.block), data))
        if check is None:
            # An error in the check bits has itself as its syndrome, so that each syndrome occurs
            # once.
            words = words ^ syndromes[:, None]
        else:
            check = check ^ syndromes
        shown.append(code._recover(words, check))
    (flip, flags), (ones, _) = shown
    # A bit that is 0 after decoding both words was cleared; a flipped one is 0 in the second word
    # only.
    keep = ones | flip | code.embedded
    rewrites = (flags == CORRECTED) | (flip != 0).any(dim=1) | (keep != _low(code.width)).any(dim=1)
    return flip.to(device), keep.to(device), rewrites.to(device)


def _columns(code: StoredCode) -> Tensor:
    """What each bit of a block contributes to the check bits, ``(bits of a block,)``."""
    bits = torch.arange(code.width * code.block)
    units = torch.zeros(len(bits), code.block, dtype=torch.int64)
    # One row for each bit of a block, with nothing but this bit: the code is linear.
    units[bits, bits // code.width] = 1 << bits % code.width
    if not code.embedded:
        checks = code.encode(units)[1]
        assert checks is not None
        return checks
    # The check bits themselves are in the words: each contributes its own.
    own = units & code.embedded
    return torch.where(own != 0, own, code.encode(units)[0] & code.embedded).flatten()


def _low(bits: int) -> int:
    """A mask of the lowest bits."""
    return -1 if bits >= 64 else (1 << bits) - 1


@functools.cache
def _none(device: torch.device) -> Tensor:
    return torch.zeros(0, dtype=torch.int64, device=device)
