"""How is a number with a fixed binary point stored?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.floating import floating
from radhard.formats.plain.layout import Layout
from radhard.formats.plain.signed_words import SignedCode, signed_steps, signed_words
from radhard.spec import component

__all__ = ["Fixed"]


@component
class Fixed(Format):
    """Fixed point: one sign bit, ``integer`` bits and ``fraction`` bits.

    The sign is not counted in either, so that Q15.16 is ``Fixed(15, 16)`` with 32 bits, the 16-bit
    Q15 is ``Fixed(0, 15)`` with the range [-1, 1), and ``Fixed(1, 15)`` has 17 bits and the range
    [-2, 2). Values are rounded to nearest, ties to even; those beyond the range, infinities among
    them, become the nearest end of it.

    Words are two's complement, or with ``code="sign_magnitude"`` a sign bit and a magnitude: there
    the range is symmetric, and zero has two words, one of which is decoded as -0.0.

    Decoded values are float32 up to 25 bits, which float32 holds exactly, and float64 beyond.

    Raises:
        InputError: a word of less than 2 or more than 32 bits; on `encode`, NaN.

    >>> q15 = Fixed(0, 15)
    >>> q15.decode(q15.encode(torch.tensor([0.5, -1.0, 7.0])))
    tensor([ 0.5000, -1.0000,  1.0000])
    >>> Fixed(1, 2, code="sign_magnitude").encode(torch.tensor([-0.25, 0.25, -9.0]))
    tensor([ 9,  1, 15])
    """

    integer: int
    fraction: int
    code: SignedCode = "twos_complement"

    def check(self) -> None:
        if self.integer < 0 or self.fraction < 0 or not 1 <= self.integer + self.fraction <= 31:
            raise InputError(
                f"{self!r}: integer and fraction are 0 or more and together 1 to 31 bits, "
                "the sign bit not counted"
            )

    @property
    def bits(self) -> int:
        """Width of a word: the sign bit, the integer bits and the fraction bits."""
        return 1 + self.integer + self.fraction

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        return (("sign", 1), ("integer", self.integer), ("fraction", self.fraction))

    def encode(self, x: Tensor) -> Tensor:
        if floating(x).isnan().any():
            raise InputError(f"{self!r} cannot represent NaN, and the tensor contains NaN")
        # Exact in float64, because multiplication by a power of two only changes the exponent.
        steps = (x.detach().to(torch.float64) * 2.0**self.fraction).round()
        return signed_words(steps, self.bits, self.code)

    def decode(self, codes: Tensor) -> Tensor:
        # float32 holds integers up to 2**24 exactly, and the words of 25 bits end at -2**24.
        dtype = torch.float32 if self.bits <= 25 else torch.float64
        return signed_steps(codes, self.bits, self.code, dtype) * 2.0**-self.fraction
