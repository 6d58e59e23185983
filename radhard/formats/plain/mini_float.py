"""How is a floating-point number stored with any few bits of exponent and mantissa?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.floating import floating
from radhard.formats.plain.layout import Layout
from radhard.formats.plain.powers import power_of_two
from radhard.spec import component

__all__ = ["MiniFloat"]


@component
class MiniFloat(Format):
    """Floating point with a sign bit, ``exponent`` and ``mantissa`` bits, and subnormal numbers.

    The bias is ``2**(exponent - 1) - 1``. All words are finite numbers, as in the 4-bit and 6-bit
    formats of the OCP microscaling standard, which are ``MiniFloat(2, 1)``, ``MiniFloat(3, 2)`` and
    ``MiniFloat(2, 3)``: values beyond the range, infinities among them, become the nearest end of
    it. With ``ieee=True``, words whose exponent bits are all set are infinities and NaN, as in IEEE
    754, and values are rounded to infinity as there: ``MiniFloat(5, 10, ieee=True)`` has the words
    of `Float16`. Values are rounded to nearest, ties to even.

    Decoded values are float32, or float64 for 8 exponent bits and with ``ieee=True``.

    Raises:
        InputError: an exponent of less than 1 or more than 8 bits, a mantissa without bits, or a
            word of more than 16 bits; on `encode`, NaN, unless ``ieee=True``.

    >>> MiniFloat(2, 1).decode(torch.arange(8))
    tensor([0.0000, 0.5000, 1.0000, 1.5000, 2.0000, 3.0000, 4.0000, 6.0000])
    """

    exponent: int
    mantissa: int
    ieee: bool = False

    def check(self) -> None:
        if not (1 <= self.exponent <= 8 and self.mantissa >= 1 and self.bits <= 16):
            raise InputError(
                f"{self!r}: the exponent has 1 to 8 bits and the mantissa at least 1, together "
                "at most 15, the sign bit not counted"
            )

    @property
    def bits(self) -> int:
        """Width of a word: the sign bit, the exponent bits and the mantissa bits."""
        return 1 + self.exponent + self.mantissa

    @property
    def bias(self) -> int:
        """What is subtracted from the exponent bits of a word."""
        return (1 << (self.exponent - 1)) - 1

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        return (("sign", 1), ("exponent", self.exponent), ("mantissa", self.mantissa))

    @property
    def largest(self) -> float:
        """The largest finite value."""
        last = torch.tensor([self._end - 1 if self.ieee else self._end])
        return float(self.decode(last).item())

    @property
    def _end(self) -> int:
        """The last magnitude that is not NaN: infinity, or the largest value."""
        every = (1 << (self.bits - 1)) - 1
        return every - ((1 << self.mantissa) - 1) if self.ieee else every

    def encode(self, x: Tensor) -> Tensor:
        wide = floating(x).detach().to(torch.float64)
        nan = wide.isnan()
        if not self.ieee and nan.any():
            raise InputError(f"{self!r} cannot represent NaN, and the tensor contains NaN")
        # Subnormal numbers share the exponent of the smallest normal one. Infinity, which has no
        # exponent, becomes a number beyond every range.
        magnitude, lowest = wide.abs().clamp(max=2.0**200), 2.0 ** (1 - self.bias)
        power = torch.frexp(magnitude.clamp(min=lowest)).exponent.to(torch.int64) - 1
        steps = (magnitude / power_of_two(power - self.mantissa)).round().to(torch.int64)
        # Normal numbers have one step in front that is not part of the mantissa; a mantissa that is
        # rounded up to the next power of two carries into the exponent.
        codes = ((power + self.bias - 1) << self.mantissa) + steps
        codes = codes.clamp(max=self._end).where(~nan, self._end + self._payload(wide))
        return codes | wide.signbit().to(torch.int64) << (self.bits - 1)

    def _payload(self, wide: Tensor) -> Tensor:
        """The leading mantissa bits of each number, the first of them if all are clear."""
        bits = wide.view(torch.int64) >> (52 - self.mantissa) & ((1 << self.mantissa) - 1)
        return torch.where(bits == 0, 1 << (self.mantissa - 1), bits)

    def decode(self, codes: Tensor) -> Tensor:
        magnitude = codes & (2 ** (self.bits - 1) - 1)
        field, steps = magnitude >> self.mantissa, magnitude & (2**self.mantissa - 1)
        # Subnormal numbers, with a field of 0, have the power of a field of 1 and no leading one.
        normal = (field > 0).to(torch.int64)
        power = field - normal + 1 - self.bias - self.mantissa
        values = (steps + (normal << self.mantissa)).to(torch.float64) * power_of_two(power)
        negative = codes >> (self.bits - 1) & 1
        if self.ieee:
            # Bit patterns of float64, so that each NaN keeps its mantissa.
            special = 0x7FF << 52 | steps << (52 - self.mantissa)
            beyond = field == 2**self.exponent - 1
            values = torch.where(beyond, special, values.view(torch.int64)).view(torch.float64)
        values = torch.where(negative == 1, -values, values)
        return values if self.exponent == 8 or self.ieee else values.to(torch.float32)
