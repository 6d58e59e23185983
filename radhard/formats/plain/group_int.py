"""How is a number stored as an integer whose scale it shares with a few neighbours?"""

import dataclasses
from typing import Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.ieee import Float16
from radhard.formats.plain.layout import Layout
from radhard.formats.plain.scale_blocks import Rows, block_index, largest_of_blocks, spread
from radhard.formats.plain.scaled import Scaled
from radhard.formats.plain.signed_words import signed_steps, signed_words
from radhard.spec import component

__all__ = ["GroupInt"]


@component
class GroupInt(Scaled):
    """Symmetric integer quantisation in groups, each with a scale of its own in a `Float16`.

    A group is ``group`` values of a row; the last one of a row may be shorter. Rows lie along the
    last dimension, or with ``rows="channel"`` contain all values with one index of axis 0. The
    scale is the float16 nearest to the largest magnitude divided by ``2**(bits - 1) - 1``, or the
    next smaller one where the largest magnitude would otherwise become a smaller integer. Integers
    are two's complement. A fitted tensor never uses the lowest word, ``-2**(bits - 1)``, but a
    fault may reach it.

    Decoded values are float64; float32 holds them as well.

    Raises:
        InputError: fewer than 2 or more than 8 bits, or a group without values; `encode` or
            `decode` before `fit`; NaN, infinities, or magnitudes whose scale is beyond float16.

    >>> x = torch.tensor([0.7, -0.1, 70.0, 20.0])
    >>> format = GroupInt(4, group=2).fit(x)
    >>> format.encode(x)
    tensor([ 7, 15,  7,  2])
    """

    bits: int = 4
    group: int = 32
    rows: Rows = "last"
    scale: Tensor | None = dataclasses.field(default=None, init=False, compare=False)

    def check(self) -> None:
        if not (2 <= self.bits <= 8 and self.group >= 1):
            raise InputError(f"{self!r}: bits must be 2 to 8, and group 1 or more")

    @property
    def scale_is_exact(self) -> bool:
        return True

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        return (("sign", 1), ("magnitude", self.bits - 1))

    def fit(self, x: Tensor) -> Self:
        largest = largest_of_blocks(self._finite(x).abs(), self.group, self.rows)
        end, half = 2 ** (self.bits - 1) - 1, Float16()
        # Not word 0, a scale of zero, by which nothing could be divided.
        codes = half.encode(largest / end).clamp(min=1)
        scale = half.decode(codes).to(torch.float64)
        if scale.isinf().any():
            raise InputError(
                f"{self!r} has scales in float16, which cannot scale a magnitude of "
                f"{largest.max():g}; the limit is {65504 * end}"
            )
        # The largest integer is used, so that a fitted tensor is found to have the same scale.
        # Among subnormal numbers, the nearest one may be too large for that.
        smaller = (largest / scale).round() < end
        scale = half.decode((codes - smaller.to(torch.int64)).clamp(min=1)).to(torch.float64)
        # Any scale represents zeros; this is the one that quantisation observers use.
        return self._with(scale.where(largest > 0, torch.finfo(torch.float32).eps))

    def scale_words(self) -> Format:
        """The format of the scales, `Float16`."""
        return Float16()

    def scale_index(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The group of each value at the flat positions ``words``."""
        return block_index(words, shape, self.group, self.rows)

    def encode(self, x: Tensor) -> Tensor:
        scale = self._spread(x)
        return signed_words((self._finite(x) / scale).round(), self.bits, "twos_complement")

    def decode(self, codes: Tensor) -> Tensor:
        scale = self._spread(codes)
        return signed_steps(codes, self.bits, "twos_complement", torch.float64) * scale

    def _spread(self, x: Tensor) -> Tensor:
        """The scale of each value or code of a tensor."""
        return spread(self._fitted_scale().to(x.device), tuple(x.shape), self.group, self.rows)
