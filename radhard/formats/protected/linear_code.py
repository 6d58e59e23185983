"""How are errors found and corrected by a binary linear code, in many words at once?"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.formats.protected.protected_format import CLEAN, CORRECTED, DETECTED, Decoding

__all__ = ["LinearCode"]

_WINDOW = 13
"""Bits looked up at once in a word that is a block by itself; a table then fits the first cache."""

_BYTE = 8
"""Bits looked up at once in blocks of several words, which have a table for each of the words."""

_SLICE = 1 << 15
"""Words whose intermediate results fit the second cache: a third of the time of a whole tensor."""

_IN_CHECK, _UNKNOWN = -1, -2


@dataclass(frozen=True, eq=False)
class LinearCode:
    """A binary linear code over blocks of words.

    The *syndrome* of a block is the XOR of the columns of all bits that are set in it. Check bits
    are chosen so that the syndrome of a block without errors is 0.
    """

    columns: tuple[int, ...]
    """The column of every bit of a block, from bit 0 of the first word; 0 if it is not covered."""
    width: int
    """Width of a word in bits."""
    check_bits: int
    """Number of bits of a column."""

    def syndromes(self, words: Tensor) -> Tensor:
        """The syndrome of each block ``(blocks, words)`` of int64, as a small integer dtype."""
        blocks = max(1, _SLICE // words.shape[1])
        if len(words) <= blocks:
            return self._syndromes(words)
        return torch.cat([self._syndromes(part) for part in torch.split(words, blocks)])

    def correct(self, words: Tensor, syndromes: Tensor) -> Decoding:
        """Blocks in which the bit is flipped whose column equals the syndrome, and their flags.

        A syndrome that is no column of the code is an error of several bits, which is detected; a
        syndrome with a single one is an error in a check bit, wherever that is stored.
        """
        flags = torch.full((len(words),), CLEAN, dtype=torch.int8, device=words.device)
        # Errors are rare: only blocks with an error are treated further.
        wrong = syndromes.nonzero().flatten()
        if not len(wrong):
            return Decoding(words, flags)
        at = _positions(self, words.device).index_select(0, syndromes[wrong].to(torch.int64))
        flags[wrong] = torch.where(at == _UNKNOWN, DETECTED, CORRECTED).to(torch.int8)
        inside = at >= 0
        block, bit = wrong[inside], at[inside]
        word, mask = bit // self.width, torch.ones_like(bit) << bit % self.width
        words = words.clone()
        words[block, word] ^= mask
        return Decoding(words, flags)

    def _syndromes(self, words: Tensor) -> Tensor:
        total: Tensor | None = None
        for low, size, table, starts in _tables(self, words.device):
            index = (words >> low if low else words) & ((1 << size) - 1)
            if words.shape[1] > 1:
                index = index + starts
            part = table.index_select(0, index.reshape(-1)).reshape(words.shape)
            total = part if total is None else total.bitwise_xor_(part)
        if total is None:
            return words.new_zeros(len(words))
        # torch has no XOR over a dimension; each step halves the number of words.
        while (n := total.shape[1]) > 1:
            half = (n + 1) // 2
            total[:, : n - half] ^= total[:, half:]
            total = total[:, :half]
        return total.flatten()


@functools.cache
def _tables(code: LinearCode, device: torch.device) -> list[tuple[int, int, Tensor, Tensor]]:
    """For each window of bits: the lowest bit, the size, the XOR of columns by content of the bits.

    The tables of all words of a block follow each other; the last item is where each starts.
    """
    words = len(code.columns) // code.width
    of_word = [code.columns[n * code.width : (n + 1) * code.width] for n in range(words)]
    covered = [b for b in range(code.width) if any(columns[b] for columns in of_word)]
    widest = _WINDOW if words == 1 else _BYTE
    tables = []
    while covered:
        low = covered[0]
        window = [bit for bit in covered if bit < low + widest]
        covered = covered[len(window) :]
        size = window[-1] - low + 1
        rows = []
        for columns in of_word:
            table = torch.zeros(1, dtype=torch.int64)
            for bit in range(low, low + size):
                table = torch.cat([table, table ^ columns[bit]])
            rows.append(table)
        starts = torch.arange(words, device=device) << size
        tables.append((low, size, torch.cat(rows).to(device, _narrow(code.check_bits)), starts))
    return tables


@functools.cache
def _positions(code: LinearCode, device: torch.device) -> Tensor:
    """For each syndrome the wrong bit of the block, counted from bit 0 of the first word."""
    table = torch.full((1 << code.check_bits,), _UNKNOWN, dtype=torch.int64)
    table[[1 << check for check in range(code.check_bits)]] = _IN_CHECK
    for bit, column in enumerate(code.columns):
        if column:
            table[column] = bit
    return table.to(device)


def _narrow(bits: int) -> torch.dtype:
    """The narrowest dtype of torch that holds ``bits`` bits, for tables that fit the caches."""
    return torch.uint8 if bits <= 8 else torch.int16 if bits <= 15 else torch.int32
