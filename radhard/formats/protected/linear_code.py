"""How are errors found and corrected by a binary linear code, in many words at once?"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.formats.protected.bit_window import BitWindow, bit_windows
from radhard.formats.protected.protected_format import CLEAN, CORRECTED, DETECTED, Decoding
from radhard.formats.protected.word_buffer import word_dtype

__all__ = ["LinearCode"]

_WIDEST = 16
"""Most bits that are looked up at once."""

_TABLES = 8
"""Most tables for so many bits in a block: together they have to fit the second cache."""

_SLICE = 1 << 16
"""Words whose intermediate results fit the second cache: a third of the time of a whole tensor."""

_ROW = 64
"""Words that one call of a vectorized loop has at least."""

_ROWS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integers by their size in bytes."""

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

    def syndromes(self, words: Tensor, *, overwrite: bool = False) -> Tensor:
        """The syndrome of each block ``(blocks, words)``, in the dtype of `word_dtype`.

        Words may be of every integer dtype that is wide enough, signed or not, and also in one
        dimension, block after block. ``overwrite``: the memory of the words may be used for the
        computation.
        """
        if words.dim() > 1:
            words = words.reshape(-1)
        # One slice after the other: an exported program would contain all of them.
        if len(words) <= _SLICE or torch.compiler.is_exporting():
            return self._syndromes(words, overwrite)
        size = self._words
        parts = torch.split(words, max(1, _SLICE // size) * size)
        return torch.cat([self._syndromes(part, overwrite) for part in parts])

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

    @functools.cached_property
    def _words(self) -> int:
        """Number of words of a block."""
        return len(self.columns) // self.width

    def _syndromes(self, words: Tensor, overwrite: bool) -> Tensor:
        if words.dtype not in (torch.int32, torch.int64):
            words, overwrite = words.to(torch.int32), True
        size = self._words
        total: Tensor | None = None
        tables = _tables(self, words.device)
        for number, (window, table, starts) in enumerate(tables, 1):
            # The words are read once for each window: only the last may overwrite them.
            index = window.index(words, overwrite=overwrite and number == len(tables))
            if size > 1:
                # In rows of many blocks: for rows as short as a block, this takes ten times as
                # long. What does not fill a row follows.
                rows = len(index) - len(index) % len(starts)
                index[:rows].view(-1, len(starts)).add_(starts)
                index[rows:].view(-1, size).add_(starts[:size])
            part = table.index_select(0, index)
            total = part if total is None else total.bitwise_xor_(part)
        if total is None:
            return words.new_zeros(len(words) // size, dtype=word_dtype(self.check_bits))
        return total if size == 1 else _folded(total.view(-1, size))


def _folded(parts: Tensor) -> Tensor:
    """The XOR of each row of a contiguous tensor, in which it may compute."""
    dtype, size = parts.dtype, parts.shape[1] * parts.element_size()
    if parts.shape[1] > 1 and size in _ROWS:
        # A row is one integer, so that torch computes with many rows at once.
        rows = parts.view(_ROWS[size])
        while size > dtype.itemsize:
            size //= 2
            # What remains in the upper half is cut off by the conversion at the end.
            rows = rows.bitwise_xor_(rows >> 8 * size)
        return rows.flatten().to(dtype)
    # torch has no XOR over a dimension; each step halves the number of words.
    while (n := parts.shape[1]) > 1:
        half = (n + 1) // 2
        parts[:, : n - half] ^= parts[:, half:]
        parts = parts[:, :half]
    return parts.flatten()


@functools.cache
def _tables(code: LinearCode, device: torch.device) -> list[tuple[BitWindow, Tensor, Tensor]]:
    """For each window of bits the XOR of columns by content of the bits.

    The tables of all words of a block follow each other; the last item is where the table of each
    word starts, repeated for a row of blocks.
    """
    words = code._words
    of_word = [code.columns[n * code.width : (n + 1) * code.width] for n in range(words)]
    covered = [b for b in range(code.width) if any(columns[b] for columns in of_word)]
    fits = words * -(-len(covered) // _WIDEST) <= _TABLES
    widest = _WIDEST if fits else _WIDEST // 2
    found = []
    for window in bit_windows(covered, widest=widest, width=code.width):
        rows = []
        for columns in of_word:
            table = torch.zeros(1, dtype=torch.int64)
            for bit in window.bits:
                # The second half is for contents with this bit set, the bit above all before it.
                table = torch.cat([table, table ^ columns[bit]])
            rows.append(table)
        starts = torch.arange(words, device=device, dtype=torch.int32) << len(window.bits)
        starts = starts.repeat(-(-_ROW // words))
        found.append((window, torch.cat(rows).to(device, word_dtype(code.check_bits)), starts))
    return found


@functools.cache
def _positions(code: LinearCode, device: torch.device) -> Tensor:
    """For each syndrome the wrong bit of the block, counted from bit 0 of the first word."""
    table = torch.full((1 << code.check_bits,), _UNKNOWN, dtype=torch.int64)
    table[[1 << check for check in range(code.check_bits)]] = _IN_CHECK
    # After the check bits: where they are stored in the block, they are bits of it.
    for bit, column in enumerate(code.columns):
        if column:
            table[column] = bit
    return table.to(device)
