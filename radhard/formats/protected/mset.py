"""How do copies in the mantissa protect the top exponent bit?"""

import functools

from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.protected.in_place_code import BitGroup, InPlaceCode
from radhard.formats.protected.protected_format import Decoding, ProtectedFormat, StoredBlocks
from radhard.formats.protected.spare_bits import check_float
from radhard.spec import component

__all__ = ["Mset"]


@component
class Mset(ProtectedFormat):
    """Two copies of the top exponent bit in the lowest bits of the mantissa (MSET).

    The top exponent bit is read as the majority of the three. Numbers are rounded towards zero: the
    relative error is below ``2**-(m - 2)`` for a mantissa of ``m`` bits. They are read with 0 in
    place of the copies, where the authors' code leaves the copies, which are 0 for every magnitude
    below 2.

    Source: arXiv 2605.07417 and the authors' code for `Float32` and `Float16`; other formats are an
    extension.

    Raises:
        InputError: an ``inner`` format without a mantissa.

    >>> import torch
    >>> from radhard.formats import Float32
    >>> format = Mset(Float32())
    >>> format.decode(format.encode(torch.tensor([0.1])) ^ (1 << 30))
    tensor([0.1000])
    """

    inner: Format

    def check(self) -> None:
        super().check()
        check_float(self.inner, self)

    @property
    def embedded(self) -> int:
        return self._code.check_bits

    @property
    def _code(self) -> InPlaceCode:
        return _code(self.inner.bits)

    def protect(self, codes: Tensor) -> StoredBlocks:
        return self._code.protect(codes, check_float(self.inner, self), nearest=False)

    def recover(self, stored: StoredBlocks) -> Decoding:
        return self._code.recover(stored)


@functools.cache
def _code(bits: int) -> InPlaceCode:
    return InPlaceCode((BitGroup((bits - 2,), (0b11,), 2, 0),), bits)
