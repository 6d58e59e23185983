"""How are the values of a tensor read as words, and how are words written back?"""

import functools
import json
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import Fixed, Format, Int
from radhard.hardenings.coding.stored_code import StoredCode
from radhard.hardenings.scrubbing.stored_weights import tracing

__all__ = ["CodedTensor", "is_native", "native_dtype"]

_EXACT = 16
"""Widest integers whose steps float32 tells apart with room for the rounding of a product."""


@dataclass(frozen=True, eq=False)
class CodedTensor:
    """A tensor whose words are protected by a code."""

    shape: tuple[int, ...]
    code: StoredCode
    inner: Format
    """The inner format of the code, with the scale of the tensor."""

    @classmethod
    def of(cls, shape: tuple[int, ...], code: StoredCode, scale: str) -> "CodedTensor":
        """A tensor whose scale, as `Format.scales`, is given as JSON."""
        return cls(shape, code, code.format.inner.scaled(json.loads(scale)))

    @functools.cached_property
    def count(self) -> int:
        """Number of words."""
        return torch.Size(self.shape).numel()

    @functools.cached_property
    def _native(self) -> torch.dtype | None:
        return native_dtype(self.inner)

    def words(self, x: Tensor) -> Tensor:
        """The words of the tensor, ``(words,)``, in the dtype of the code or as floats.

        Words of a native format are returned as the floats that they are: joining tensors first and
        viewing the result as integers takes fewer calls. NaN in a format without NaN is read as 0:
        no fault in such a word leads there.
        """
        if x.dtype == self._native:
            return x.reshape(-1)
        dtype = self.code.dtype
        if self._is_narrow(x):
            return self._steps(x).reshape(-1).to(dtype)
        if tracing():
            raise InputError(
                f"words of {self.inner!r} are computed with checks of values, on which an exported "
                "program cannot branch; export a model whose tensors hold the words themselves, as "
                "those of Float32() in float32, or scrub(model) from outside"
            )
        try:
            codes = self.inner.encode(x)
        except InputError:
            codes = self.inner.encode(x.nan_to_num(nan=0.0))
        return codes.reshape(-1).to(dtype)

    def values(self, x: Tensor, positions: Tensor, codes: Tensor) -> Tensor:
        """Values of int64 codes at flat positions, in the dtype of the tensor ``x``."""
        return self.inner.take(positions, self.shape).decode(codes).to(x.dtype)

    def _is_narrow(self, x: Tensor) -> bool:
        """Whether `_steps` gives the words that the format gives."""
        inner = self.inner
        if not isinstance(inner, Int | Fixed) or inner.code != "twos_complement":
            return False
        return inner.bits <= _EXACT and x.dtype == torch.float32

    def _steps(self, x: Tensor) -> Tensor:
        """The numbers of steps, as int32, in a third of the time that float64 takes."""
        inner = self.inner
        if isinstance(inner, Fixed):
            # Exact, because multiplication by a power of two only changes the exponent.
            steps = x * 2.0**inner.fraction
        else:
            assert inner.scale is not None
            steps = x / inner.scale.to(x)
        end = 1 << (inner.bits - 1)
        # In place, as the first operation made a copy of the tensor.
        return steps.round_().clamp_(-end, end - 1).nan_to_num_(nan=0.0).to(torch.int32)


@functools.cache
def native_dtype(format: Format) -> torch.dtype | None:
    """The dtype whose elements are the words of a format; None if there is none."""
    if format.has_scale:
        return None
    # On the CPU also where the default device is another one, such as the meta device.
    dtype = format.decode(torch.zeros(1, dtype=torch.int64, device="cpu")).dtype
    return dtype if dtype.is_floating_point and 8 * dtype.itemsize == format.bits else None


def is_native(format: Format, x: Tensor) -> bool:
    """Whether the elements of a tensor are the words of a format, bit for bit."""
    return native_dtype(format) == x.dtype
