"""What may be stored, and how is it rounded once and not twice?"""

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["floating", "rounded"]


def floating(x: Tensor) -> Tensor:
    """``x`` itself, if it holds floating-point numbers.

    Raises:
        InputError: whole or complex numbers, which no format here stores.
    """
    if not x.is_floating_point():
        raise InputError(f"a tensor of {x.dtype} cannot be stored: only floating-point ones can")
    return x


def rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """``x`` in another floating-point dtype, each value rounded to nearest, ties to even.

    >>> rounded(torch.tensor(1 + 2**-11 + 2**-40, dtype=torch.float64), torch.float16).item()
    1.0009765625
    """
    if x.dtype == torch.float64 and dtype.itemsize == 2:
        x = _to_odd(x)
    return x.to(dtype)


def _to_odd(x: Tensor) -> Tensor:
    """A float64 as float32, where what is lost leaves the last bit set.

    torch converts float64 to the 16-bit dtypes by way of float32, which turns a value just beside
    the middle of two neighbours into the middle itself and then rounds that to even. A last bit
    that remembers the loss keeps the value off the middle.
    """
    near = x.to(torch.float32)
    inexact = (near.to(torch.float64) != x) & ~x.isnan()
    word = near.view(torch.int32)
    towards_zero = word - (near.to(torch.float64).abs() > x.abs()).to(torch.int32)
    return torch.where(inexact, towards_zero | 1, word).view(torch.float32)
