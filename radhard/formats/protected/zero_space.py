"""How do small 8-bit weights have room for check bits?"""

import functools
import math
from typing import Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.integer import Int
from radhard.formats.protected.linear_code import LinearCode
from radhard.formats.protected.protected_format import Decoding, ProtectedFormat, StoredBlocks
from radhard.spec import component

__all__ = ["ZeroSpace"]

_BLOCK = 8
_CHECKED = _BLOCK - 1
"""Words of a block that hold a check bit: the first ones."""

_BIT = 6
"""The bit that holds it: it equals the sign in words from -64 to 63."""

_LOWEST, _HIGHEST = -(1 << _BIT), (1 << _BIT) - 1


@component
class ZeroSpace(ProtectedFormat):
    """A SEC-DED code in the bits that small 8-bit weights do not need, without additional bits.

    In each block of 8 weights, in row-major order, the first 7 are from -64 to 63 steps. Their bits
    6 and 7 are equal, and bit 6 holds one of 7 check bits of a (64,57) code: one wrong bit of a
    block is corrected, two are detected, and three are always miscorrected, because every odd
    syndrome is a column of this code. A block with a detected error is read as stored.

    `fit` sets the smallest scale, rounded up to 12 binary digits, with which all weights are in
    their range: often one with steps twice as wide as those of ``Int(8)``. `throttle` keeps the
    narrow steps and reduces the large weights among the first 7 instead, about 1 to 4 % of weights
    with a normal distribution; in the source, the network is trained under this constraint.

    If the number of weights is not a multiple of 8, words of zeros complete the last block: they
    hold check bits and are never faulty. `encode` does not return them, so that `decode` cannot
    correct errors in the last block, unless only the eighth word is missing.

    Source: Guan et al., NeurIPS 2019; the ranges and the distance of the code are theirs, its
    matrix and the treatment of the last block are those of radhard.

    Raises:
        InputError: an ``inner`` format other than 8-bit integers in two's complement; on `encode`,
            weights outside the range.

    >>> format = ZeroSpace().scaled(1.0)
    >>> format.encode(torch.tensor([5.0, -3, 63, -64, 0, -1, 17, -120])).tolist()
    [5, 189, 127, 128, 64, 191, 17, 136]
    """

    inner: Format = Int(8)

    def check(self) -> None:
        super().check()
        inner = self.inner
        if not isinstance(inner, Int) or (inner.bits, inner.code) != (8, "twos_complement"):
            raise InputError(
                f"{self!r}: the check bits are in 8-bit integers in two's complement; the inner "
                "format must be Int(8) or Int(8, per='channel')"
            )

    @property
    def block(self) -> int:
        return _BLOCK

    def stored_bits(self, shape: tuple[int, ...]) -> int:
        # The words that complete the last block are stored if some of them hold check bits.
        missing = -math.prod(shape) % _BLOCK
        return super().stored_bits(shape) + (missing * self.bits if missing > 1 else 0)

    def fit(self, x: Tensor) -> Self:
        # The inner format checks the values; its scale is not used.
        usual = self.inner.fit(x).scale
        assert usual is not None
        exact, checked = x.detach().to(torch.float64), _checked(x)
        steps = torch.where(checked, torch.where(exact < 0, -_LOWEST, _HIGHEST), 127)
        scale = self._largest(exact.abs() / steps)
        # Zeros have any scale.
        scale = torch.where(scale > 0, _rounded_up(scale), usual.to(x.device))
        return self._around(self.inner.scaled(scale))

    def throttle(self, x: Tensor) -> Tensor:
        """Weights, those outside the range set to its nearest end, with the steps of ``Int(8)``.

        `fit` then sets the scale that the largest weight has as 127 steps. The shape, dtype and
        device are those of ``x``.

        >>> x = torch.tensor([100.0, -100, 64, -65, 63, -64, 0, 127])
        >>> ZeroSpace().throttle(x)
        tensor([ 63., -64.,  63., -64.,  63., -64.,   0., 127.])
        """
        # For its errors only: values that cannot be stored.
        self.inner.fit(x)
        exact = x.detach().to(torch.float64)
        scale = _rounded_up(self._largest(exact.abs() / 127))
        inside = exact.maximum(_LOWEST * scale).minimum(_HIGHEST * scale)
        return torch.where(_checked(x), inside, exact).to(x.dtype)

    def protect(self, codes: Tensor) -> StoredBlocks:
        first = codes[:, :_CHECKED]
        outside = int(((first >> 7 ^ first >> _BIT) & 1).sum())
        if outside:
            raise InputError(
                f"{self!r}: {outside} of {codes.numel()} words are outside [{_LOWEST}, {_HIGHEST}] "
                "at positions that hold a check bit; set them to the nearest end with "
                "ZeroSpace().throttle(x), and fit the scale to the result"
            )
        stored = codes.clone()
        stored[:, :_CHECKED] &= ~(1 << _BIT)
        checks = _code().syndromes(stored).to(torch.int64)
        places = torch.arange(_CHECKED, device=codes.device)
        stored[:, :_CHECKED] |= (checks[:, None] >> places & 1) << _BIT
        return StoredBlocks(stored)

    def recover(self, stored: StoredBlocks) -> Decoding:
        found = _code().correct(stored.codes, _code().syndromes(stored.codes))
        return Decoding(_without_checks(found.codes), found.flags)

    def _recovered(self, codes: Tensor) -> Tensor:
        flat = codes.reshape(-1)
        missing = -len(flat) % _BLOCK
        if missing < 2:
            return super()._recovered(codes)
        # Some of the check bits of the last block are in words that are not among the codes.
        whole = len(flat) - len(flat) % _BLOCK
        last = torch.nn.functional.pad(flat[whole:], (0, missing))
        words = [super()._recovered(flat[:whole]), _without_checks(last[None])[0, :-missing]]
        return torch.cat(words).reshape(codes.shape)

    def _largest(self, magnitudes: Tensor) -> Tensor:
        """The largest magnitude for each scale, in the shape of the scale; 0 if there is none."""
        if isinstance(self.inner, Int) and self.inner.per == "channel" and magnitudes.ndim:
            rows = magnitudes.reshape(len(magnitudes), -1 if magnitudes.numel() else 0)
            largest = torch.nn.functional.pad(rows, (0, 1)).amax(dim=1)
            return largest.reshape(-1, *[1] * (magnitudes.ndim - 1))
        return magnitudes.max() if magnitudes.numel() else magnitudes.new_zeros(())


def _checked(x: Tensor) -> Tensor:
    """Which values of a tensor are stored in a word that holds a check bit."""
    positions = torch.arange(math.prod(x.shape), device=x.device)
    return (positions % _BLOCK < _CHECKED).reshape(x.shape)


def _rounded_up(scale: Tensor) -> Tensor:
    """A scale with 12 binary digits: float32 holds all its multiples up to 127 exactly.

    What was rounded with it is therefore fitted with the same scale again, whichever of the weights
    is then at the end of its range.
    """
    mantissa = torch.frexp(scale).mantissa
    # The quotient is a power of two, and all steps are exact. Zero has none.
    return torch.where(scale > 0, (mantissa * 2**12).ceil() * (scale / mantissa) / 2**12, scale)


def _without_checks(codes: Tensor) -> Tensor:
    """Words ``(blocks, 8)`` whose bit 6 equals the sign where it held a check bit."""
    codes = codes.clone()
    first = codes[:, :_CHECKED]
    # Bit 7, the sign, moved to bit 6.
    codes[:, :_CHECKED] = first & ~(1 << _BIT) | first >> 1 & 1 << _BIT
    return codes


@functools.cache
def _code() -> LinearCode:
    """The code over the 64 bits of a block: all columns of odd weight."""
    odd = sorted((n for n in range(128) if n.bit_count() % 2), key=lambda n: (n.bit_count(), n))
    # The first of them have one bit set and belong to the check bits.
    data = iter(odd[_CHECKED:])
    columns = []
    for word in range(_BLOCK):
        for bit in range(8):
            columns.append(1 << word if bit == _BIT and word < _CHECKED else next(data))
    return LinearCode(tuple(columns), 8, _CHECKED)
