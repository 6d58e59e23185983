"""How are bits of many words gathered into indices of a table?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["BitWindow", "bit_windows"]


@dataclass(frozen=True)
class BitWindow:
    """Some bits of a word, which are moved next to each other."""

    bits: tuple[int, ...]
    """The bits of the word, ascending; the first becomes bit 0 of the index."""
    mask: int
    """The same bits as a signed integer."""
    low: int
    """A mask of so many bits."""
    factor: int
    """The product of the bits with this number contains them next to each other."""
    shift: int
    """The position of the first bit in the product."""
    exact: bool
    """Whether a product of 32 bits contains nothing above them."""

    def index(self, words: Tensor, *, overwrite: bool) -> Tensor:
        """The indices for int32 or int64 words; ``overwrite``: in the memory of the words.

        All steps after the first are in place: in large tensors, most of the time is that of
        memory.
        """
        if self.factor == 1:
            if self.shift:
                words = words.bitwise_right_shift_(self.shift) if overwrite else words >> self.shift
            return words.bitwise_and_(self.low) if overwrite or self.shift else words & self.low
        found = words.bitwise_and_(self.mask) if overwrite else words & self.mask
        found = found.mul_(self.factor).bitwise_right_shift_(self.shift)
        # In int64, a product is not cut off at 32 bits, and has more above the index.
        return found if self.exact and words.dtype == torch.int32 else found.bitwise_and_(self.low)


def bit_windows(bits: Sequence[int], *, widest: int, width: int) -> tuple[BitWindow, ...]:
    """Windows that together contain some bits of words of ``width`` bits, given ascending.

    As few as possible and of equal size, unless a multiplication cannot gather the bits of one.

    >>> [len(window.bits) for window in bit_windows(range(38), widest=16, width=38)]
    [13, 13, 12]
    >>> [(w.bits, bin(w.factor), w.shift) for w in bit_windows([0, 1, 30], widest=16, width=32)]
    [((0, 1, 30), '0b10000000000000000000000000001', 28)]
    """
    found: list[BitWindow] = []
    parts = -(-len(bits) // widest)
    for part in range(parts):
        # Sizes differ by one at most.
        rest = tuple(bits[-(-len(bits) * part // parts) : -(-len(bits) * (part + 1) // parts)])
        while rest:
            window = _window(rest, 32 if width <= 32 else 64)
            found.append(window)
            rest = rest[len(window.bits) :]
    return tuple(found)


def _window(bits: tuple[int, ...], room: int) -> BitWindow:
    """The window of these bits, or of the first of them that are neighbours.

    A product is the sum of shifted copies. If no two copies have a one in the same place, there is
    no carry, so that the bits meet unchanged where each copy contributes one run of neighbours.
    What is shifted out of the word is lost.
    """
    runs: dict[int, int] = {}
    low = (1 << len(bits)) - 1
    for place, bit in enumerate(bits):
        # Neighbours have the same distance from their places in the index.
        runs[bit - place] = runs.get(bit - place, 0) | 1 << bit
    if len(runs) > 1:
        every, shift, total = sum(runs.values()), max(runs), 0
        # Each copy is shifted so that its own run meets those of the others, from bit `shift` on.
        factor = sum(1 << shift - distance for distance in runs)
        for distance in runs:
            copy = every << shift - distance & (1 << room) - 1
            if total & copy:
                break
            total |= copy
        else:
            end = shift + len(bits)
            if end <= room:
                # As a signed integer, in which the highest bit counts negative.
                every -= (every >> room - 1) << room
                return BitWindow(bits, every, low, factor, shift, end < 32 and total >> end == 0)
    first = runs[bits[0]]
    count = first.bit_count()
    return BitWindow(bits[:count], first, (1 << count) - 1, 1, bits[0], False)
