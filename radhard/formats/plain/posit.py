"""How is a number stored as a posit?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.floating import floating
from radhard.formats.plain.layout import Layout
from radhard.formats.plain.powers import power_of_two
from radhard.spec import component

__all__ = ["Posit"]


@component
class Posit(Format):
    """Posit of ``bits`` bits with ``es`` exponent bits (Posit Standard, 2022, where ``es`` is 2).

    After the sign follows the regime, a run of equal bits and the opposite one: its length stands
    for a power of ``2**2**es``. Exponent and fraction take the bits that are left, so that numbers
    near 1 are the most precise. Negative words are the two's complement of positive ones. Zero has
    one word, ``100...0`` is NaR (not a real), decoded as NaN; NaN and infinities become NaR.

    Values are rounded as the standard says: the last bit of the word, ties to even. No value
    becomes zero or NaR by rounding: beyond the range, the result is the word with the smallest or
    the largest magnitude. The field of a bit below the first of the regime depends on the word;
    these bits are called ``"body"``.

    Decoded values are float32 up to 16 bits with ``es`` up to 2, and float64 beyond.

    Raises:
        InputError: a word of less than 3 or more than 32 bits, or ``es`` above 4.

    >>> posit = Posit(8)
    >>> posit.decode(posit.encode(torch.tensor([1.0, 3.1416, -100.0, 1e9, 1e-30])))
    tensor([ 1.0000e+00,  3.2500e+00, -9.6000e+01,  1.6777e+07,  5.9605e-08])
    """

    bits: int
    es: int = 2

    def check(self) -> None:
        if not (3 <= self.bits <= 32 and 0 <= self.es <= 4):
            raise InputError(f"{self!r}: bits must be 3 to 32 and es 0 to 4")

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        return (("sign", 1), ("regime", 1), ("body", self.bits - 2))

    def encode(self, x: Tensor) -> Tensor:
        wide = floating(x).detach().to(torch.float64)
        finite = wide.isfinite()
        # The largest magnitude is 2**((bits - 2) * 2**es), the smallest its reciprocal.
        end = 2.0 ** ((self.bits - 2) << self.es)
        magnitude = torch.where(finite, wide, 1.0).abs().clamp(1 / end, end)
        power = torch.frexp(magnitude).exponent.to(torch.int64) - 1
        # The smallest magnitude is a normal float64 for every width, so that these bits are its
        # fraction.
        fraction = magnitude.view(torch.int64) & ((1 << 52) - 1)
        run = power >> self.es
        # Exponent and fraction behind each other, of which the bits behind the regime are kept.
        tail = (power & ((1 << self.es) - 1)) << 52 | fraction
        # The regime is run + 1 ones and a zero, or -run zeros and a one; for the largest magnitude,
        # the zero has no room.
        room = (self.bits - 1 - torch.where(run >= 0, run + 2, 1 - run)).clamp(min=0)
        regime = torch.where(run >= 0, (1 << (run + 2).clamp(min=0)) - 2, 1)
        cut = self.es + 52 - room
        body, rest = regime << room | tail >> cut, tail & ((1 << cut) - 1)
        half = 1 << (cut - 1)
        body += ((rest > half) | ((rest == half) & (body & 1 == 1))).to(torch.int64)
        # A carry must not reach the sign: rounding never gives NaR.
        body = body.clamp(max=(1 << (self.bits - 1)) - 1)
        signed = torch.where(wide < 0, -body, body).where(wide != 0, 0)
        not_real = 1 << (self.bits - 1)
        return signed.where(finite, not_real) & ((1 << self.bits) - 1)

    def decode(self, codes: Tensor) -> Tensor:
        width = self.bits - 1
        negative = codes >> width & 1 == 1
        body = torch.where(negative, -codes, codes) & ((1 << width) - 1)
        ones = body >> (width - 1) & 1 == 1
        # The length of the run of equal bits: the width less that of what follows the run.
        behind = torch.where(ones, ~body & ((1 << width) - 1), body)
        length = width - torch.frexp(behind.to(torch.float64)).exponent.to(torch.int64)
        run = torch.where(ones, length - 1, -length)
        room = (width - length - 1).clamp(min=0)
        tail = body & ((1 << room) - 1)
        # Bits of the exponent that have no room are zero.
        missing = (self.es - room).clamp(min=0)
        fraction_bits = (room - self.es).clamp(min=0)
        exponent = tail >> fraction_bits << missing
        fraction = (tail & ((1 << fraction_bits) - 1)).to(torch.float64)
        power = (run << self.es) + exponent
        mantissa = 1 + fraction * power_of_two(-fraction_bits)
        magnitude = mantissa * power_of_two(power.clamp(-1022, 1023))
        values = torch.where(negative, -magnitude, magnitude)
        nothing = body == 0
        values = torch.where(nothing, torch.where(negative, torch.nan, 0.0), values)
        return values.to(torch.float32) if self.bits <= 16 and self.es <= 2 else values
