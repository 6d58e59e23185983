"""How is a floating-point number stored?"""

import torch

from radhard.formats.plain.dtype_float import DtypeFloat
from radhard.spec import component

__all__ = ["BFloat16", "Float16", "Float32", "Float64"]


@component
class Float64(DtypeFloat):
    """IEEE 754 double precision: 1 sign, 11 exponent and 52 mantissa bits."""

    bits = 64
    exponent = 11
    dtype = torch.float64
    word = torch.int64


@component
class Float32(DtypeFloat):
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
class Float16(DtypeFloat):
    """IEEE 754 half precision: 1 sign, 5 exponent and 10 mantissa bits."""

    bits = 16
    exponent = 5
    dtype = torch.float16
    word = torch.int16


@component
class BFloat16(DtypeFloat):
    """Brain floating point, the upper half of a Float32: 1 sign, 8 exponent and 7 mantissa bits."""

    bits = 16
    exponent = 8
    dtype = torch.bfloat16
    word = torch.int16
