"""How are numbers stored in blocks that share a power of two?"""

import dataclasses
import math
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.fixed import Fixed
from radhard.formats.plain.float8 import E8M0, Float8E4M3
from radhard.formats.plain.floating import floating
from radhard.formats.plain.mini_float import MiniFloat
from radhard.formats.plain.powers import power_of_two
from radhard.formats.plain.scale_blocks import Rows, block_index, largest_of_blocks, spread
from radhard.formats.plain.scaled import Scaled
from radhard.spec import component

__all__ = ["MXFP4", "MXFP6", "MXFP8", "MXINT8", "Microscaling"]

# The format of the elements, and the largest magnitude of one that `fit` makes use of.
_ELEMENTS: dict[str, tuple[Format, float]] = {
    "E4M3": (Float8E4M3(), 448.0),
    # The words of Float8E5M2; this format reads every NaN back as the word that it was.
    "E5M2": (MiniFloat(5, 2, ieee=True), 57344.0),
    "E3M2": (MiniFloat(3, 2), 28.0),
    "E2M3": (MiniFloat(2, 3), 7.5),
    "E2M1": (MiniFloat(2, 1), 6.0),
    # Two's complement with six bits behind the binary point.
    "INT8": (Fixed(1, 6), 127 / 64),
}

_WITH_NAN = ("E4M3", "E5M2")


class Microscaling(Scaled):
    """A block format of the OCP microscaling standard (MX 1.0, 2023).

    Blocks of 32 values share a scale, a power of two in a word of `E8M0`. They are parts of rows,
    which lie along the last dimension, or with ``rows="channel"`` contain all values with one index
    of axis 0, such as those of a filter; the last block of a row may be shorter. The scale is the
    largest power of two in the block, divided by the largest one of an element. Values are rounded
    to the nearest element, ties to even, and those beyond the largest element become it.
    """

    BLOCK: ClassVar[int] = 32
    element: str
    """The name of the format of the elements."""
    rows: Rows

    @property
    def words(self) -> Format:
        """The format of the elements, without the scale."""
        return _ELEMENTS[self.element][0]

    @property
    def largest(self) -> float:
        """The largest magnitude of an element."""
        return _ELEMENTS[self.element][1]

    @property
    def bits(self) -> int:
        """Width of the word of a value; the scale is not part of it."""
        return self.words.bits

    @property
    def scale_is_exact(self) -> bool:
        return True

    def field(self, bit: int) -> str:
        return self.words.field(bit)

    @property
    def fields(self) -> tuple[str, ...]:
        return self.words.fields

    def fit(self, x: Tensor) -> Self:
        largest = largest_of_blocks(self._finite(x).abs(), self.BLOCK, self.rows)
        top = math.floor(math.log2(self.largest))
        # frexp gives a mantissa below 1, so that the exponent is one above that of the leading bit.
        # It is exact, where a logarithm may round up to the next power.
        power = torch.frexp(largest).exponent.to(torch.int64) - 1 - top
        # A block of zeros has the smallest scale.
        return self._with(power_of_two(power.where(largest > 0, -127).clamp(-127, 127)))

    def scale_words(self) -> Format:
        """The format of the scales, `E8M0`."""
        return E8M0()

    def scale_index(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The block of each value at the flat positions ``words``."""
        return block_index(words, shape, self.BLOCK, self.rows)

    def encode(self, x: Tensor) -> Tensor:
        values = floating(x).detach().to(torch.float64)
        if self.element not in _WITH_NAN and values.isnan().any():
            raise InputError(f"{self!r} cannot represent NaN, and the tensor contains NaN")
        scale = self._spread(x)
        # Infinities stay as they are, for elements that have a word for them; so does every NaN,
        # in which a division might change a bit.
        return self.words.encode(
            torch.where(values.isfinite(), self._within(values / scale), values)
        )

    def decode(self, codes: Tensor) -> Tensor:
        scale = self._spread(codes)
        elements = self.words.decode(codes).to(torch.float64)
        return torch.where(elements.isnan(), elements, elements * scale)

    def _spread(self, x: Tensor) -> Tensor:
        """The scale of each value or code of a tensor."""
        scale = self._fitted_scale().to(x.device)
        return spread(scale, tuple(x.shape), self.BLOCK, self.rows)

    def _within(self, elements: Tensor) -> Tensor:
        """Elements, those beyond the range at the end of it."""
        return elements.clamp(-self.largest, self.largest)


@component
class MXFP8(Microscaling):
    """Blocks of 32 8-bit floats, `Float8E4M3` or `Float8E5M2`, with a shared scale (OCP MX 1.0).

    Decoded values are float64.

    Raises:
        InputError: NaN and infinities on `fit`; `encode` or `decode` before `fit`.

    >>> x = torch.tensor([0.11, 0.5, -2.9, 3.3])
    >>> format = MXFP8("E4M3").fit(x)
    >>> format.decode(format.encode(x))
    tensor([ 0.1094,  0.5000, -3.0000,  3.2500], dtype=torch.float64)
    """

    element: Literal["E4M3", "E5M2"]
    rows: Rows = "last"
    scale: Tensor | None = dataclasses.field(default=None, init=False, compare=False)


@component
class MXFP6(Microscaling):
    """Blocks of 32 6-bit floats with a shared scale (OCP MX 1.0).

    The elements are ``MiniFloat(3, 2)`` or ``MiniFloat(2, 3)``. Decoded values are float64.

    Raises:
        InputError: NaN, and infinities on `fit`; `encode` or `decode` before `fit`.
    """

    element: Literal["E3M2", "E2M3"]
    rows: Rows = "last"
    scale: Tensor | None = dataclasses.field(default=None, init=False, compare=False)


@component
class MXFP4(Microscaling):
    """Blocks of 32 4-bit floats, ``MiniFloat(2, 1)``, with a shared scale (OCP MX 1.0).

    Decoded values are float64.

    Raises:
        InputError: NaN, and infinities on `fit`; `encode` or `decode` before `fit`.

    >>> x = torch.tensor([0.11, 0.5, -2.9, 3.3])
    >>> MXFP4().fit(x).encode(x)
    tensor([ 0,  2, 15,  7])
    """

    element = "E2M1"
    rows: Rows = "last"
    scale: Tensor | None = dataclasses.field(default=None, init=False, compare=False)


@component
class MXINT8(Microscaling):
    """Blocks of 32 8-bit integers, in steps of 1/64, with a shared scale (OCP MX 1.0).

    Two's complement. The range is symmetric, from -127 to 127 steps: a fitted tensor never uses the
    word of -128, but a fault may reach it. Decoded values are float64.

    Raises:
        InputError: NaN, and infinities on `fit`; `encode` or `decode` before `fit`.
    """

    element = "INT8"
    rows: Rows = "last"
    scale: Tensor | None = dataclasses.field(default=None, init=False, compare=False)

    def _within(self, elements: Tensor) -> Tensor:
        # A word that a fault has left below the range is read back as it is.
        return torch.where(elements == -2.0, elements, super()._within(elements))
