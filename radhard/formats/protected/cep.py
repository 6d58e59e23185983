"""How do parity bits in the mantissa limit the magnitude of an error?"""

import functools
from typing import Literal

from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.protected.in_place_code import BitGroup, InPlaceCode
from radhard.formats.protected.protected_format import Decoding, ProtectedFormat, StoredBlocks
from radhard.formats.protected.spare_bits import check_float
from radhard.spec import component

__all__ = ["Cep"]

_DATA = {"D3P1": 3, "D7P1": 7, "D15P1": 15}
"""Bits of a chunk by scheme."""


@component
class Cep(ProtectedFormat):
    """Chunked even parity: a parity bit for each chunk of bits, in the lowest bits (CEP).

    Chunks of 3, 7 or 15 bits start at the top of the word. If the parity of a chunk is wrong, all
    its bits become 0, also if only the parity bit is wrong; two wrong bits in one chunk are not
    noticed. An error that is noticed never makes a number larger. Numbers are rounded towards zero:
    the relative error is below ``2**-(m - n)`` for a mantissa of ``m`` bits and ``n`` parity bits,
    and they are read with 0 in place of these.

    Source: arXiv 2605.07417 and the authors' code for `Float32` and `Float16`; other formats are an
    extension, and with ``"D3P1"`` the error of a `BFloat16` is up to 12 %.

    Raises:
        InputError: an ``inner`` format without a mantissa.

    >>> import torch
    >>> from radhard.formats import Float32
    >>> format = Cep(Float32())
    >>> format.decode(format.encode(torch.tensor([0.1])) ^ (1 << 23))
    tensor([0.0125])
    """

    inner: Format
    scheme: Literal["D3P1", "D7P1", "D15P1"] = "D3P1"

    def check(self) -> None:
        super().check()
        check_float(self.inner, self)

    @property
    def embedded(self) -> int:
        return self._code.check_bits

    @property
    def _code(self) -> InPlaceCode:
        return _code(self.inner.bits, _DATA[self.scheme])

    def protect(self, codes: Tensor) -> StoredBlocks:
        return self._code.protect(codes, check_float(self.inner, self), nearest=False)

    def recover(self, stored: StoredBlocks) -> Decoding:
        return self._code.recover(stored)


@functools.cache
def _code(bits: int, data: int) -> InPlaceCode:
    parts = []
    chunks = bits // (data + 1)
    # The highest chunk belongs to the highest parity bit.
    for start in range(bits - chunks * data, bits, data):
        chunk = tuple(range(start, start + data))
        parts.append(BitGroup(chunk, (1,) * data, 1, sum(1 << bit for bit in chunk)))
    return InPlaceCode(tuple(parts), bits)
