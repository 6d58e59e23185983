"""Which flips of a two's-complement word increase its value, and which are harmful?"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["bit_at", "bit_reaching", "first_harmful", "upward"]


def upward(words: Tensor, bits: int) -> Tensor:
    """Whether flipping each bit of a word increases its value, ``(*words.shape, bits)``.

    A flip of bit b changes the value by 2**b steps; the sign bit acts in the opposite direction.

    >>> upward(torch.tensor([0b0010]), 4)
    tensor([[ True, False,  True, False]])
    """
    number = torch.arange(bits, device=words.device)
    # The sign bit weighs minus 2**(bits - 1), hence setting it lowers the value.
    clear = (words.unsqueeze(-1) >> number) & 1 == 0
    return clear ^ (number == bits - 1)


def bit_at(among: Tensor, rank: Tensor) -> Tensor:
    """The bit with index ``rank`` among those marked in ``(rows, bits)``, from the lowest.

    >>> bit_at(torch.tensor([[True, False, True, True]]), torch.tensor([1]))
    tensor([2])
    """
    hit = among & (among.cumsum(1) == rank.unsqueeze(1) + 1)
    # The count stays the same behind the bit, so only marked ones are considered.
    return hit.int().argmax(1)


def bit_reaching(steps: Tensor) -> Tensor:
    """The lowest bit whose flip changes a value by at least ``steps`` steps: log2, rounded up.

    >>> bit_reaching(torch.tensor([1, 2, 3, 64, 127, 128]))
    tensor([0, 1, 2, 6, 7, 7])
    """
    # For integers below 2**53, frexp returns the exponent exactly, whereas log2 may round.
    return torch.frexp((steps - 1).double()).exponent.to(torch.int64).clamp(min=0)


def first_harmful(harmful: Callable[[Tensor, Tensor], Tensor], sizes: Tensor) -> Tensor:
    """For each row, the first harmful one of its ranks ``0 ... size - 1``; its size if none is.

    If a rank is harmful, all higher ones are assumed to be, so that bisection applies;
    ``harmful(rows, ranks)`` evaluates one rank for each of some rows. The last rank is tried first,
    as most rows have no harmful one.

    >>> first_harmful(lambda rows, ranks: ranks >= 3, torch.tensor([8, 2, 0]))
    tensor([3, 2, 0])
    """
    # Ranks just outside, which need not be tried: -1 is harmless, and the size stands for none.
    safe, unsafe = torch.full_like(sizes, -1), sizes.clone()
    rows = (sizes > 0).nonzero().squeeze(1)
    tried = sizes[rows] - 1
    while len(rows):
        bad = harmful(rows, tried)
        unsafe[rows[bad]], safe[rows[~bad]] = tried[bad], tried[~bad]
        rows = rows[unsafe[rows] - safe[rows] > 1]
        tried = (unsafe[rows] + safe[rows]) // 2
    return unsafe
