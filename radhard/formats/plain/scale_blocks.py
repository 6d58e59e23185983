"""Which values of a tensor share a scale, where blocks of a row have one each?"""

import math
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Rows", "block_index", "largest_of_blocks", "spread"]

Rows = Literal["last", "channel"]
"""Where the rows are that blocks are parts of.

``"last"``: along the last dimension, over which a linear layer sums. ``"channel"``: all values with
one index of axis 0, over which a convolution sums. A tensor of one dimension is one row.
"""


def block_index(words: Tensor, shape: tuple[int, ...], block: int, rows: Rows) -> Tensor:
    """The block of each value at the flat positions ``words`` of a tensor.

    The last block of a row may be shorter.

    >>> block_index(torch.tensor([0, 31, 32, 39, 40]), (2, 40), 32, "last")
    tensor([0, 0, 1, 1, 2])
    >>> block_index(torch.tensor([0, 5, 17, 18]), (2, 2, 9), 16, "channel")
    tensor([0, 0, 1, 2])
    """
    row = _row(shape, rows)
    # Blocks do not reach into the next row: each row begins with one.
    return words // row * math.ceil(row / block) + words % row // block


def largest_of_blocks(magnitudes: Tensor, block: int, rows: Rows) -> Tensor:
    """The largest magnitude of every block, ``(rows, blocks)``.

    >>> largest_of_blocks(torch.tensor([[1.0, 3.0, 2.0]]), 2, "last")
    tensor([[3., 2.]])
    """
    row = _row(tuple(magnitudes.shape), rows)
    # An empty tensor has no rows.
    values = magnitudes.reshape(magnitudes.numel() // max(row, 1), row)
    # Zeros complete the last block of each row; no magnitude is smaller.
    values = torch.nn.functional.pad(values, (0, -row % block))
    return values.reshape(len(values), math.ceil(row / block), block).amax(-1)


def spread(scale: Tensor, shape: tuple[int, ...], block: int, rows: Rows) -> Tensor:
    """The scale of each value of a tensor, from one of each block, ``(rows, blocks)``.

    A scale of one dimension is already that of each value.
    """
    if scale.ndim == 1:
        return scale
    # The last block of a row is cut off where the row ends.
    return scale.repeat_interleave(block, 1)[:, : _row(shape, rows)].reshape(shape)


def _row(shape: tuple[int, ...], rows: Rows) -> int:
    """Number of values in a row."""
    if len(shape) < 2 or rows == "last":
        return shape[-1] if shape else 1
    return math.prod(shape[1:])
