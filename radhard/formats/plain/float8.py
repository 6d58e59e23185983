"""How is a floating-point number stored in eight bits?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.plain.dtype_float import DtypeFloat
from radhard.formats.plain.floating import floating
from radhard.formats.plain.layout import Layout
from radhard.spec import component

__all__ = ["E8M0", "Float8E4M3", "Float8E5M2"]


@component
class Float8E4M3(DtypeFloat):
    """8-bit floating point for weights and activations: 1 sign, 4 exponent and 3 mantissa bits.

    The dtype ``torch.float8_e4m3fn`` (OCP 8-bit floating point, OFP8). There is no infinity, and
    NaN is the word with all exponent and mantissa bits set. Of the two conversions of the standard
    this is the saturating one: values beyond 448, infinities among them, become 448.

    >>> Float8E4M3().encode(torch.tensor([1.0, 448.0, 1e9, -torch.inf]))
    tensor([ 56, 126, 126, 254])
    """

    bits = 8
    exponent = 4
    dtype = torch.float8_e4m3fn
    word = torch.uint8

    def _rounded(self, x: Tensor) -> Tensor:
        # Not left to torch, whose versions disagree about values beyond the range. NaN stays NaN.
        return super()._rounded(x.clamp(-448.0, 448.0))


@component
class Float8E5M2(DtypeFloat):
    """8-bit floating point with the range of `Float16`: 1 sign, 5 exponent and 2 mantissa bits.

    The dtype ``torch.float8_e5m2`` (OCP 8-bit floating point, OFP8). Infinities and NaN are those
    of IEEE 754. Of the two conversions of the standard this is the one that does not saturate:
    magnitudes of 61440 and more become infinite, smaller ones at most 57344.

    >>> Float8E5M2().encode(torch.tensor([1.0, 61439.0, 61440.0]))
    tensor([ 60, 123, 124])
    """

    bits = 8
    exponent = 5
    dtype = torch.float8_e5m2
    word = torch.uint8


@component
class E8M0(DtypeFloat):
    """A power of two in eight bits, without a sign: the scale of the OCP microscaling formats.

    The dtype ``torch.float8_e8m0fnu``: code ``c`` is ``2**(c - 127)``, and 255 is NaN. Values are
    rounded to the nearest power of two, from the middle of two neighbours up; values beyond the
    range, zero among them, become the nearest end of it.

    Raises:
        InputError: on `encode`, negative values.

    >>> E8M0().encode(torch.tensor([1.0, 0.25, 3.0, 0.0]))
    tensor([127, 125, 129,   0])
    """

    bits = 8
    exponent = 8
    dtype = torch.float8_e8m0fnu
    word = torch.uint8

    @property
    def layout(self) -> Layout:
        """The only part of a word, the exponent, with its width in bits."""
        return (("exponent", 8),)

    def encode(self, x: Tensor) -> Tensor:
        """Codes (int64) of the nearest powers of two."""
        # torch's own conversion drops the sign, and infinities become NaN.
        wide = floating(x).detach().to(torch.float64)
        if (wide < 0).any():
            raise InputError(f"{self!r} has no sign, and the tensor contains negative values")
        power = torch.frexp(wide.clamp(2.0**-127, 2.0**127))
        # A mantissa from frexp is at least 0.5, so that 0.75 is the middle.
        codes = power.exponent.to(torch.int64) + 126 + (power.mantissa >= 0.75).to(torch.int64)
        return torch.where(wide.isnan(), 255, codes.clamp(max=254))

    def ordered_flips(self, codes: Tensor) -> Tensor:
        """No word: there is no sign."""
        return torch.zeros_like(codes, dtype=torch.bool)
