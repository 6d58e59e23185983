"""Which values of a tensor share a scale, where blocks of a row have one each?"""

import math

import torch
from torch import Tensor

__all__ = ["block_index", "largest_of_blocks", "spread"]


def block_index(words: Tensor, shape: tuple[int, ...], block: int) -> Tensor:
    """The block of each value at the flat positions ``words`` of a tensor.

    Blocks are parts of a row along the last dimension; the last one of a row may be shorter.

    >>> block_index(torch.tensor([0, 31, 32, 39, 40]), (2, 40), 32)
    tensor([0, 0, 1, 1, 2])
    """
    row = shape[-1] if shape else 1
    return words // row * math.ceil(row / block) + words % row // block


def largest_of_blocks(magnitudes: Tensor, block: int) -> Tensor:
    """The largest magnitude of every block, ``(..., blocks, 1)``.

    >>> largest_of_blocks(torch.tensor([[1.0, 3.0, 2.0]]), 2).tolist()
    [[[3.0], [2.0]]]
    """
    rows = magnitudes.reshape(1) if magnitudes.ndim == 0 else magnitudes
    rows = torch.nn.functional.pad(rows, (0, -rows.shape[-1] % block))
    return rows.reshape(*rows.shape[:-1], rows.shape[-1] // block, block).amax(-1, keepdim=True)


def spread(scale: Tensor, shape: tuple[int, ...], block: int) -> Tensor:
    """The scale of each value of a tensor, from one of each block, ``(..., blocks, 1)``.

    A scale of one dimension is already that of each value.
    """
    if scale.ndim == 1:
        return scale
    row = shape[-1] if shape else 1
    return scale.expand(*scale.shape[:-1], block).flatten(-2)[..., :row].reshape(shape)
