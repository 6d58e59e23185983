"""How does a format keep the scale of a tensor?"""

import copy
from abc import abstractmethod
from typing import Any, Self

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.floating import floating

__all__ = ["Scaled"]


class Scaled(Format):
    """A format whose values are multiples of a scale, or of several, that `fit` sets.

    Components declare the field ``scale: Tensor | None = field(default=None, init=False,
    compare=False)``: the scale belongs to a tensor and not to the format, so that it is neither
    given nor printed nor compared. One number for each value, ``(values,)``, is the result of
    `take`.
    """

    @property
    def has_scale(self) -> bool:
        return True

    def scaled(self, scales: Any) -> Self:
        return self if scales is None else self._with(torch.as_tensor(scales, dtype=torch.float64))

    @abstractmethod
    def scale_words(self) -> Format:
        """The format of the words in which the scale is stored."""

    @abstractmethod
    def scale_index(self, words: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The word of the scale that applies to each value at the flat positions ``words``."""

    def take(self, words: Tensor, shape: tuple[int, ...]) -> Self:
        scale = self._fitted_scale()
        # One number holds for any selection of words.
        if scale.ndim == 0:
            return self
        return self._with(scale.reshape(-1).to(words.device)[self.scale_index(words, shape)])

    def _fitted_scale(self) -> Tensor:
        if self.scale is None:
            raise InputError(
                f"{self!r} has no scale yet; fit(x) returns a format with the scale of the tensor x"
            )
        return self.scale

    def _with(self, scale: Tensor) -> Self:
        fitted = copy.copy(self)
        # Not an argument of the constructor, because the scale is not part of the spec.
        object.__setattr__(fitted, "scale", scale)
        return fitted

    def _finite(self, x: Tensor) -> Tensor:
        """``x`` as float64, if all values can be represented."""
        if not floating(x).isfinite().all():
            raise InputError(
                f"{self!r} stores only finite values; the tensor contains NaN or infinity"
            )
        return x.detach().to(torch.float64)
