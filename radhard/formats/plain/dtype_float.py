"""How are the words of a floating-point dtype of torch read and written?"""

from typing import ClassVar

import torch
from torch import Tensor

from radhard.formats.base import Format
from radhard.formats.plain.floating import floating, rounded
from radhard.formats.plain.layout import Layout

__all__ = ["DtypeFloat"]


class DtypeFloat(Format):
    """Sign, exponent and mantissa; codes are the bits of a torch dtype.

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

    def encode(self, x: Tensor) -> Tensor:
        values = floating(x).detach()
        same = values.dtype == self.dtype
        words = (values if same else self._rounded(values)).view(self.word)
        # A copy, so that changes of the codes do not change the tensor.
        codes = words.to(torch.int64, copy=True)
        # Conversion to int64 extends the sign bit; a code is the word extended by zeros. A 64-bit
        # word fills int64, where 1 << 64 would overflow.
        return codes if self.bits == 64 else codes & ((1 << self.bits) - 1)

    def decode(self, codes: Tensor) -> Tensor:
        # Narrowing keeps the low bits, also of codes beyond the largest positive value of the word.
        # A copy, so that the values do not share the memory of codes that are as wide.
        return codes.to(self.word, copy=True).view(self.dtype)

    def ordered_flips(self, codes: Tensor) -> Tensor:
        """The words that are neither zero nor one flip away from infinity or NaN.

        >>> from radhard.formats import Float32
        >>> codes = Float32().encode(torch.tensor([0.0, 0.5, 1.0, -2.0]))
        >>> Float32().ordered_flips(codes)  # 1.0 becomes infinite if its highest exponent bit flips
        tensor([False,  True, False,  True])
        """
        # Magnitudes have the order of their codes up to the largest exponent, that of infinity and
        # NaN: it is one flip away where the exponent lacks at most one bit.
        largest = (1 << self.exponent) - 1
        lacking = (codes >> (self.bits - 1 - self.exponent)) & largest ^ largest
        magnitude = codes & ((1 << (self.bits - 1)) - 1)
        return (lacking & (lacking - 1) != 0) & (magnitude != 0)

    def _rounded(self, x: Tensor) -> Tensor:
        """Values of another dtype as the nearest values of the own one."""
        return rounded(x, self.dtype)
