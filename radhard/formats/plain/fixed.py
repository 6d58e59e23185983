"""How is a number with a fixed binary point stored?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.floating import floating
from radhard.formats.plain.layout import Layout, field_at
from radhard.formats.plain.twos_complement import from_words, to_words
from radhard.spec import component

__all__ = ["Fixed"]


@component
class Fixed(Format):
    """Fixed point, two's complement: one sign bit, ``integer`` bits and ``fraction`` bits.

    The sign is not counted in either, so that Q15.16 is ``Fixed(15, 16)`` with 32 bits, the 16-bit
    Q15 is ``Fixed(0, 15)`` with the range [-1, 1), and ``Fixed(1, 15)`` has 17 bits and the range
    [-2, 2). Values are rounded to nearest, ties to even; those beyond the range, infinities among
    them, become the nearest end of it.

    Decoded values are float32 up to 25 bits, which float32 holds exactly, and float64 beyond.

    Raises:
        InputError: a word of less than 2 or more than 32 bits; on `encode`, NaN.

    >>> q15 = Fixed(0, 15)
    >>> q15.decode(q15.encode(torch.tensor([0.5, -1.0, 7.0])))
    tensor([ 0.5000, -1.0000,  1.0000])
    """

    integer: int
    fraction: int

    def check(self) -> None:
        if self.integer < 0 or self.fraction < 0 or not 1 <= self.integer + self.fraction <= 31:
            raise InputError(
                f"{self!r}: integer and fraction are 0 or more and together 1 to 31 bits, "
                "the sign bit not counted"
            )

    @property
    def bits(self) -> int:  # type: ignore[override]  # the width of a format is read-only
        """Width of a word: the sign bit, the integer bits and the fraction bits."""
        return 1 + self.integer + self.fraction

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        return (("sign", 1), ("integer", self.integer), ("fraction", self.fraction))

    def field(self, bit: int) -> str:
        return field_at(bit, self.layout)

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(name for name, width in self.layout if width)

    def encode(self, x: Tensor) -> Tensor:
        if floating(x).isnan().any():
            raise InputError(f"{self!r} cannot represent NaN, and the tensor contains NaN")
        # Exact in float64, because multiplication by a power of two only changes the exponent.
        steps = (x.detach().to(torch.float64) * 2.0**self.fraction).round()
        # Clamped as float64 before the conversion: infinities and values beyond int64 would convert
        # to an undefined integer.
        end = 2 ** (self.bits - 1)
        return to_words(steps.clamp(-end, end - 1).to(torch.int64), self.bits)

    def decode(self, codes: Tensor) -> Tensor:
        # float32 holds integers up to 2**24 exactly, and the words of 25 bits end at -2**24.
        dtype = torch.float32 if self.bits <= 25 else torch.float64
        return from_words(codes, self.bits).to(dtype) * 2.0**-self.fraction
