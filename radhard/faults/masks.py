"""How is a set of bits represented as an int64?"""

from collections.abc import Iterable
from functools import lru_cache

import torch
from torch import Tensor

__all__ = ["masks"]


def masks(sets: Iterable[Iterable[int]], which: Tensor) -> Tensor:
    """For each index in ``which`` the set of bit positions there, as int64, in its shape.

    Bit 63 is the sign of int64.

    Raises:
        IndexError: there is no such set.

    >>> masks([(0,), (1, 3), (63,)], torch.tensor([2, 1]))
    tensor([-9223372036854775808,                   10])
    >>> masks([(0,), (1, 3), (63,)], torch.tensor(1).expand(2, 2))
    tensor([[10, 10],
            [10, 10]])
    """
    table = _table(tuple(map(tuple, sets)), which.device)
    if which.numel() and not any(which.stride()):
        # One number for all words, as where faults are counted by variant.
        return table[which[(0,) * which.ndim]].expand_as(which)
    # Five times as fast as table[which] on many words.
    return table.index_select(0, which.reshape(-1)).reshape(which.shape)


@lru_cache(maxsize=64)
def _table(sets: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """The words of some sets; few fault models and formats occur in a process, and often."""
    words = [sum(1 << bit for bit in bits) for bits in sets]
    signed = [word - (1 << 64) if word >> 63 else word for word in words]
    return torch.tensor(signed, dtype=torch.int64, device=device)
