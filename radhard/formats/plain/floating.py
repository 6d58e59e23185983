"""Which tensors can be stored, and how are values rounded only once?"""

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["floating", "rounded"]


def floating(x: Tensor) -> Tensor:
    """``x`` itself, if it is a floating-point tensor.

    Raises:
        InputError: an integer or complex tensor, which no format can store.
    """
    if not x.is_floating_point():
        raise InputError(f"a tensor of {x.dtype} cannot be stored; only floating-point tensors can")
    return x


def rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """``x`` in another floating-point dtype, each value rounded to nearest, ties to even.

    >>> rounded(torch.tensor(1 + 2**-11 + 2**-40, dtype=torch.float64), torch.float16).item()
    1.0009765625
    """
    if x.dtype == torch.float64 and dtype.itemsize <= 2:
        x = _to_odd(x)
    return x.to(dtype)


def _to_odd(x: Tensor) -> Tensor:
    """A float64 as float32, rounded to odd: if bits are lost, the last bit is set.

    torch converts float64 to dtypes of 16 and 8 bits by way of float32, which turns a value just
    beside the middle of two neighbours into the middle itself and then rounds that to even. A last
    bit that remembers the loss keeps the value off the middle.
    """
    near = x.to(torch.float32)
    inexact = (near.to(torch.float64) != x) & ~x.isnan()
    word = near.view(torch.int32)
    # The magnitude of a float is monotonic in its word, so one less is the neighbour nearer zero,
    # for both signs.
    towards_zero = word - (near.to(torch.float64).abs() > x.abs()).to(torch.int32)
    return torch.where(inexact, towards_zero | 1, word).view(torch.float32)
