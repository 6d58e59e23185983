"""How is a floating-point number stored?"""

import torch

from radhard.formats.plain.dtype_float import DtypeFloat
from radhard.spec import component

__all__ = ["BFloat16", "Float16", "Float32", "Float64"]


@component
class Float64(DtypeFloat):
    """IEEE 754 double precision: 1 sign, 11 exponent and 52 mantissa bits.

    Bit 63 is the sign, bits 62 to 52 the exponent. Codes of negative numbers are negative int64.

    >>> hex(Float64().encode(torch.tensor(1.0, dtype=torch.float64)).item())
    '0x3ff0000000000000'
    """

    bits = 64
    exponent = 11
    dtype = torch.float64
    word = torch.int64


@component
class Float32(DtypeFloat):
    """IEEE 754 single precision: 1 sign, 8 exponent and 23 mantissa bits.

    Bit 31 is the sign, bits 30 to 23 the exponent. A flip of bit 30 makes a weight of magnitude
    below 2 huge, up to 3.4e38.

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
    """IEEE 754 half precision: 1 sign, 5 exponent and 10 mantissa bits.

    Bit 15 is the sign, bits 14 to 10 the exponent. The largest number is 65504.

    >>> Float16().decode(torch.tensor([0x3E00, 0x7BFF])).tolist()
    [1.5, 65504.0]
    """

    bits = 16
    exponent = 5
    dtype = torch.float16
    word = torch.int16


@component
class BFloat16(DtypeFloat):
    """Brain floating point, the upper half of a Float32: 1 sign, 8 exponent and 7 mantissa bits.

    Bit 15 is the sign, bits 14 to 7 the exponent; the range is that of `Float32`.

    >>> hex(BFloat16().encode(torch.tensor(1.5)).item())
    '0x3fc0'
    """

    bits = 16
    exponent = 8
    dtype = torch.bfloat16
    word = torch.int16
