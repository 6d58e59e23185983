"""How does a Hamming code in the mantissa protect the exponent?"""

import functools

from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.ieee import Float64
from radhard.formats.protected.check_columns import hamming_columns
from radhard.formats.protected.in_place_code import BitGroup, InPlaceCode
from radhard.formats.protected.protected_format import Decoding, ProtectedFormat, StoredBlocks
from radhard.formats.protected.spare_bits import Float, check_float
from radhard.spec import component

__all__ = ["InPlaceHamming"]


@component
class InPlaceHamming(ProtectedFormat):
    """Hamming codes of the exponent in the lowest bits of the mantissa, without additional bits.

    Groups of four exponent bits, from the top, are (7,4) code words: both halves of the exponent of
    a `Float32`; the top four bits in a `Float16`, whose fifth exponent bit is not protected, and in
    a `BFloat16`, where the mantissa has no room for two words. Each code word corrects one wrong
    bit, check bits included; two wrong bits in one code word always give a wrong exponent. With
    ``extended=True``, (8,4) words detect two wrong bits, and the number becomes 0. With
    ``sign=True``, the sign is stored two more times and read as the majority; with both, three more
    times, and if two of the four are wrong, the number becomes 0.

    From bit 0, the lowest bits hold: the check bits of the lower group (p1, p2, p3, and p0 if
    extended), those of the upper group, and the copies of the sign. Numbers are rounded to nearest
    before these ``n`` bits are replaced, and are read with 0 in place of the check bits, so that
    the relative error of normal numbers is at most ``2**-(m - n + 1)`` for a mantissa of ``m`` bits
    (23, 10, 7): 3.8e-6 for a `Float32`, 3.9e-3 for a `Float16` and 3.1e-2 for a `BFloat16`.

    Source: "Soft Error Resilience Analysis of LSTM Networks" (GLSVLSI 2024) for the (7,4) words of
    a `Float32`; the order of the check bits, the other formats and the options are those of
    radhard.

    Raises:
        InputError: an ``inner`` format that is not one of these three; options for which the
            mantissa is too short.

    >>> import torch
    >>> from radhard.formats import Float32
    >>> format = InPlaceHamming(Float32())
    >>> codes = format.encode(torch.tensor([0.1]))
    >>> hex(codes.item())
    '0x3dcccce2'
    >>> format.decode(codes ^ (1 << 30))
    tensor([0.1000])
    """

    inner: Format
    extended: bool = False
    sign: bool = False

    def check(self) -> None:
        super().check()
        float_ = check_float(self.inner, self)
        if isinstance(float_, Float64):
            raise InputError(
                f"{self!r}: the 11 exponent bits of a Float64 are not divided into groups of four; "
                "choose Float32(), Float16() or BFloat16() inside"
            )
        mantissa, spare = float_.bits - 1 - float_.exponent, self._code.check_bits
        if spare >= mantissa:
            raise InputError(
                f"{self!r} needs {spare} bits of the mantissa, which has {mantissa}, and leaves "
                "none; choose extended=False, sign=False, or a wider inner format"
            )

    @property
    def embedded(self) -> int:
        return self._code.check_bits

    @property
    def _float(self) -> Float:
        return check_float(self.inner, self)

    @property
    def _code(self) -> InPlaceCode:
        return _code(self._float, self.extended, self.sign)

    def protect(self, codes: Tensor) -> StoredBlocks:
        return self._code.protect(codes, self._float, nearest=True)

    def recover(self, stored: StoredBlocks) -> Decoding:
        return self._code.recover(stored)


@functools.cache
def _code(inner: Float, extended: bool, sign: bool) -> InPlaceCode:
    top = inner.bits - 1
    # A mantissa of 7 bits has room for one group with all options but one.
    groups = 2 if inner.exponent >= 8 and inner.bits == 32 else 1
    columns, check_bits = hamming_columns(4)
    if extended:
        # The additional bit p0 makes the number of ones in a code word even, so that a column gets
        # the bit that makes its own number of ones odd.
        columns = tuple(c | (1 - c.bit_count() % 2) << check_bits for c in columns)
        check_bits += 1
    everything = (1 << inner.bits) - 1
    # From the lower group up, as the first one has the lowest check bits.
    parts = [
        BitGroup(tuple(top - 1 - 4 * group - n for n in range(4)), columns, check_bits, everything)
        for group in reversed(range(groups))
    ]
    if sign:
        copies = 3 if extended else 2
        parts.append(BitGroup((top,), ((1 << copies) - 1,), copies, everything))
    return InPlaceCode(tuple(parts), inner.bits)
