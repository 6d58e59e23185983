"""What is the contract of a number format?"""

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.plain.layout import Layout, field_at
from radhard.spec import Component, Family

__all__ = ["FORMATS", "Format"]


class Format(Component):
    """How a number is stored as a word of bits.

    A word is represented as an int64 *code*: the bit pattern, zero-extended
    (``0 <= code < 2**bits``; a 64-bit pattern uses the sign of int64). Bit 0 is the least
    significant.
    """

    if TYPE_CHECKING:
        # For the type checker alone: it lets a read-only property be overridden by an argument, a
        # constant or another property, whereas a property at run time would reject the argument.
        @property
        def bits(self) -> int:
            """Width of a word in bits: an argument, a constant, or computed."""

    @property
    def has_scale(self) -> bool:
        """Whether values depend on a scale that `fit` sets."""
        return False

    @property
    def planes(self) -> tuple[str, ...]:
        """The arrays of words that hold a tensor: its codes, and the scale where it has one."""
        return ("codes", "scale") if self.has_scale else ("codes",)

    @property
    def block(self) -> int:
        """Number of consecutive values that are decoded together; above 1 only in some codes."""
        return 1

    @property
    def by_word(self) -> bool:
        """Whether a stored word is decoded alone, without other words or check bits."""
        return True

    @property
    def scale(self) -> Tensor | None:
        """The fitted scale, float64; None before `fit` and without a scale."""
        return None

    @property
    def scale_is_exact(self) -> bool:
        """Whether the scale is always the value of a word, with no digits that the word lacks.

        Then every computation of the scale finds the same one.
        """
        return False

    def scales(self) -> Any:
        """The fitted scale as plain numbers that JSON represents exactly; None without a scale."""
        return None if self.scale is None else self.scale.tolist()

    def scaled(self, scales: Any) -> Self:
        """This format with a scale as in `scales` or `scale`, as if fitted to the same tensor."""
        if scales is not None:
            raise InputError(f"{self!r} has no scale; scales={scales!r} cannot be set")
        return self

    def scale_words(self) -> "Format":
        """The format of the words in which the scale is stored.

        Raises:
            InputError: the format has no scale.
        """
        raise InputError(f"{self!r} has no scale, and so no words of a scale")

    def scale_index(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:  # noqa: ARG002
        """The word of the scale that applies to each value at the flat positions ``words``.

        Words of the scale are numbered in row-major order of `scale`, for a tensor of this
        ``shape``.

        Raises:
            InputError: the format has no scale.
        """
        raise InputError(f"{self!r} has no scale: no word of it applies to {len(words)} values")

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part of a word, most significant first.

        Formats define it, or `field` and `fields`.
        """
        raise NotImplementedError

    def field(self, bit: int) -> str:
        """The field of a bit, such as ``"sign"`` or ``"exponent"``.

        Raises:
            InputError: the word has no such bit.
        """
        return field_at(bit, self.layout)

    @property
    def fields(self) -> tuple[str, ...]:
        """All names that `field` can return, most significant first."""
        return tuple(name for name, width in self.layout if width)

    def fit(self, x: Tensor) -> Self:  # noqa: ARG002
        """This format with its scale set for the tensor ``x``; unchanged without a scale."""
        return self

    def take(self, words: Tensor, shape: tuple[int, ...]) -> Self:  # noqa: ARG002
        """A fitted format narrowed to the words at flat positions ``words`` of a ``shape``d tensor.

        Only formats with more than one word of scale override this method.
        """
        return self

    def stored_bits(self, shape: tuple[int, ...]) -> int:
        """Bits in which a tensor of this shape is stored, in all planes.

        >>> from radhard.formats import Int, SecDed
        >>> Int(8).stored_bits((4, 10)), SecDed(Int(8), block=8).stored_bits((4, 10))
        (352, 392)
        """
        bits = math.prod(shape) * self.bits
        # Only the number of words of the scale is needed, which depends on the shape alone.
        scale = self.fit(torch.ones(shape)).scale if self.has_scale else None
        return bits if scale is None else bits + scale.numel() * self.scale_words().bits

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Codes (int64) of the values ``x``, each rounded to the nearest representable value."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """Values of the codes, in a torch dtype that represents all of them exactly."""

    def unchanged(self, before: Tensor, after: Tensor) -> Tensor:
        """Where two codes represent the same value, as a mask; only protected formats override it.

        A value whose code represents the same as before is kept to the last bit, also where
        encoding and decoding would round it.
        """
        return before == after

    def ordered_flips(self, codes: Tensor) -> Tensor:
        """The words of which every flip of one bit moves the value as the bit's place says.

        In such a word, which is not zero, a bit that becomes 1 raises the magnitude, one that
        becomes 0 lowers it, and the sign bit, the highest, changes the sign; none of the values is
        NaN. As a mask; False where this is not known.
        """
        return torch.zeros_like(codes, dtype=torch.bool)


FORMATS: Family[Format] = Family(Format)
"""The formats of radhard, and how one is parsed from text."""
