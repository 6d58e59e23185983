"""What does an accumulator hold after it has added up products?"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["added_up", "clamped", "wrapped"]

Change = Callable[[int, Tensor], Tensor]
"""What becomes of the running sum after the product at a position has been added."""


def wrapped(sums: Tensor, bits: int) -> Tensor:
    """Sums as a two's-complement word of so many bits holds them; integers, float64.

    >>> wrapped(torch.tensor([127.0, 128.0, -129.0], dtype=torch.float64), 8)
    tensor([ 127., -128.,  127.], dtype=torch.float64)
    """
    half = 2.0 ** (bits - 1)
    return torch.remainder(sums + half, 2 * half) - half


def clamped(sums: Tensor, bits: int) -> Tensor:
    """Sums as a word holds them that saturates; integers, float64."""
    half = 2.0 ** (bits - 1)
    return sums.clamp(-half, half - 1)


def added_up(
    products: Tensor, bits: int, block: int, *, saturate: bool, change: Change | None = None
) -> Tensor:
    """Sums of products ``(..., depth)`` in a word of ``bits`` bits, added one by one.

    ``block`` products at a time are added up from zero, and their sum is added to the sum of those
    before. ``change`` is applied to the running sum of a block.

    >>> one = torch.tensor([100.0, 100.0, -100.0], dtype=torch.float64)
    >>> added_up(one, 8, 3, saturate=True), added_up(one, 8, 3, saturate=False)
    (tensor(27., dtype=torch.float64), tensor(100., dtype=torch.float64))
    """
    limit = clamped if saturate else wrapped
    total = torch.zeros(products.shape[:-1], dtype=torch.float64, device=products.device)
    for begin in range(0, products.shape[-1], block):
        part = torch.zeros_like(total)
        for at in range(begin, min(begin + block, products.shape[-1])):
            part = limit(part + products[..., at], bits)
            if change is not None:
                part = change(at, part)
        total = limit(total + part, bits)
    return total
