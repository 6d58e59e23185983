"""How is a number stored as an integer multiple of a scale?"""

import dataclasses
import math
from typing import Literal, Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.ieee import Float32
from radhard.formats.plain.layout import Layout
from radhard.formats.plain.scaled import Scaled
from radhard.formats.plain.signed_words import SignedCode, signed_steps, signed_words
from radhard.spec import component

__all__ = ["Int"]


@component
class Int(Scaled):
    """Symmetric integer quantisation: a value is ``scale`` times an integer.

    `fit` sets the scale so that the largest magnitude becomes ``2**(bits - 1) - 1``, for the whole
    tensor or for every channel (index of axis 0). Negative integers are represented in two's
    complement, or by a sign bit and a magnitude (``code="sign_magnitude"``), where zero has two
    words, one of which is decoded as -0.0. A fitted tensor never uses the lowest word of two's
    complement, ``-2**(bits - 1)``, but a fault may reach it. Values beyond the fitted range become
    the nearest end of it. The scale belongs to a tensor and not to the format: it is neither
    printed nor compared.

    Decoded values are float64, since the scale is.

    Raises:
        InputError: fewer than 2 or more than 32 bits; `encode` or `decode` before `fit`; NaN,
            infinities, or magnitudes of 2**1023 and more.

    >>> x = torch.tensor([1.0, -0.5, 0.0])
    >>> Int(8).fit(x).encode(x)
    tensor([127, 192,   0])
    """

    bits: int
    per: Literal["tensor", "channel"] = "tensor"
    code: SignedCode = "twos_complement"
    scale: Tensor | None = dataclasses.field(default=None, init=False, compare=False)

    def check(self) -> None:
        if not 2 <= self.bits <= 32:
            raise InputError(f"{self!r}: bits must be 2 to 32, including the sign")

    @property
    def layout(self) -> Layout:
        """Name and width in bits of every part, most significant first."""
        return (("sign", 1), ("magnitude", self.bits - 1))

    def fit(self, x: Tensor) -> Self:
        magnitude = self._finite(x).abs()
        if self.per == "channel" and x.ndim:
            # An empty channel has no largest value; 0 is used instead.
            rows = torch.nn.functional.pad(
                magnitude.reshape(len(x), -1 if x.numel() else 0), (0, 1)
            )
            largest = rows.amax(dim=1).reshape(-1, *[1] * (x.ndim - 1))
        else:
            largest = magnitude.max() if x.numel() else magnitude.new_zeros(())
        if (largest >= 2.0**1023).any():
            raise InputError(f"{self!r} cannot scale magnitudes of 2**1023 and more")
        # In float64, largest / steps * steps / steps is largest / steps again wherever steps is
        # one less than a power of two: what has been rounded is fitted with the same scale.
        scale = largest / (2 ** (self.bits - 1) - 1)
        # Any scale represents zeros; this is the one that quantisation observers use.
        return self._with(torch.where(scale > 0, scale, torch.finfo(torch.float32).eps))

    def scale_words(self) -> Format:
        # The scale itself is float64, and is rounded to such a word only where it has a fault.
        return Float32()

    def scale_index(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:
        if self._fitted_scale().ndim == 0:
            return torch.zeros_like(words)
        # Words are counted in row-major order, and channels are on axis 0.
        return words // math.prod(shape[1:])

    def encode(self, x: Tensor) -> Tensor:
        steps = (self._finite(x) / self._fitted_scale().to(x.device)).round()
        # Down to the lowest word, which fitted tensors do not use, so that a word which a fault has
        # left there is read back as it is when it has a second fault.
        return signed_words(steps, self.bits, self.code)

    def decode(self, codes: Tensor) -> Tensor:
        scale = self._fitted_scale().to(codes.device)
        return signed_steps(codes, self.bits, self.code, torch.float64) * scale
