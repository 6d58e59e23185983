"""How is a floating-point number stored?"""

from typing import ClassVar

import torch
from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.plain.floating import floating, rounded
from radhard.formats.plain.layout import Layout, field_at
from radhard.spec import component

__all__ = ["BFloat16", "Float16", "Float32", "Float64"]


class _Float(Format):
    """Sign, exponent and mantissa, as IEEE 754 lays them out; codes are the bits of a torch dtype.

    A tensor of the format's own dtype is stored as it is, bit for bit: signed zeros, subnormals,
    infinities, and what a NaN carries.
    """

    exponent: ClassVar[int]
    dtype: ClassVar[torch.dtype]
    word: ClassVar[torch.dtype]

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        mantissa = self.bits - 1 - self.exponent
        return (("sign", 1), ("exponent", self.exponent), ("mantissa", mantissa))

    def field(self, bit: int) -> str:
        return field_at(bit, self.layout)

    @property
    def fields(self) -> tuple[str, ...]:
        return ("sign", "exponent", "mantissa")

    def encode(self, x: Tensor) -> Tensor:
        words = rounded(floating(x).detach(), self.dtype).view(self.word)
        # A copy, so that changes of the codes do not change the tensor.
        codes = words.to(torch.int64, copy=True)
        # Conversion to int64 extends the sign bit; a code is the word extended by zeros. A 64-bit
        # word fills int64, where 1 << 64 would overflow.
        return codes if self.bits == 64 else codes & ((1 << self.bits) - 1)

    def decode(self, codes: Tensor) -> Tensor:
        # Narrowing keeps the low bits, also of codes beyond the largest positive value of the word.
        return codes.to(self.word, copy=True).view(self.dtype)


@component
class Float64(_Float):
    """IEEE 754 double precision: 1 sign, 11 exponent and 52 mantissa bits."""

    bits = 64
    exponent = 11
    dtype = torch.float64
    word = torch.int64


@component
class Float32(_Float):
    """IEEE 754 single precision: 1 sign, 8 exponent and 23 mantissa bits.

    >>> codes = Float32().encode(torch.tensor([1.0, -2.0]))
    >>> [hex(code) for code in codes.tolist()]
    ['0x3f800000', '0xc0000000']
    """

    bits = 32
    exponent = 8
    dtype = torch.float32
    word = torch.int32


@component
class Float16(_Float):
    """IEEE 754 half precision: 1 sign, 5 exponent and 10 mantissa bits."""

    bits = 16
    exponent = 5
    dtype = torch.float16
    word = torch.int16


@component
class BFloat16(_Float):
    """Brain floating point, the upper half of a Float32: 1 sign, 8 exponent and 7 mantissa bits."""

    bits = 16
    exponent = 8
    dtype = torch.bfloat16
    word = torch.int16
