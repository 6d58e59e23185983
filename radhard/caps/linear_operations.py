"""How does a deviation pass convolutions, sums, averages and changes of shape?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from radhard.caps.bounded_operation import Golden, LinearOperation

__all__ = ["Average", "Layout", "Normalization", "Product", "Sum"]

_NORMALIZATION_TERMS = 12
"""More than any order needs in which the factor and the offset can be computed and applied."""


@dataclass(frozen=True)
class Product(LinearOperation):
    """A convolution or linear layer: ``op(x, weight, bias)``."""

    op: Callable[..., Tensor]
    weight: Tensor
    bias: Tensor | None
    rest: tuple[Any, ...] = ()

    @property
    def terms(self) -> int:
        return self.weight[0].numel() + 2

    def magnitude(self, golden: Golden) -> Tensor:
        bias = None if self.bias is None else self.bias.abs()
        return self.op(golden[self.sources[0]].abs(), self.weight.abs(), bias, *self.rest)

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002
        return self.op(inputs[0], self.weight, None, *self.rest)

    def spread(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002
        return self.op(inputs[0], self.weight.abs(), None, *self.rest)


@dataclass(frozen=True)
class Normalization(LinearOperation):
    """Batch normalization in evaluation mode: a factor and an offset for each channel."""

    factor: Tensor
    mean: Tensor
    shift: Tensor

    @property
    def terms(self) -> int:
        return _NORMALIZATION_TERMS

    def magnitude(self, golden: Golden) -> Tensor:
        values = golden[self.sources[0]]
        # Whether the mean is subtracted first or is part of the offset, no sum in between is
        # larger.
        inner = values.abs() + self._along(self.mean, values).abs()
        return (
            inner * self._along(self.factor, values).abs() + self._along(self.shift, values).abs()
        )

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002
        (one,) = inputs
        assert one is not None
        return one * self._along(self.factor, one)

    def spread(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002
        (one,) = inputs
        assert one is not None
        return one * self._along(self.factor, one).abs()

    @staticmethod
    def _along(channels: Tensor, values: Tensor) -> Tensor:
        return channels.reshape(-1, *[1] * (values.ndim - 2))


@dataclass(frozen=True)
class Average(LinearOperation):
    """Average pooling: ``op(x)``."""

    op: Callable[[Tensor], Tensor]
    elements: int
    """Of the largest window."""

    @property
    def terms(self) -> int:
        # The additions of a window, and its division, which kernels may do by a rounded reciprocal.
        return self.elements + 2

    def magnitude(self, golden: Golden) -> Tensor:
        return self.op(golden[self.sources[0]].abs())

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:  # noqa: ARG002
        (one,) = inputs
        assert one is not None
        return self.op(one)

    def spread(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        return self.tangent(golden, inputs)


@dataclass(frozen=True)
class Sum(LinearOperation):
    """The sum of two values; a second one that cannot deviate is no source."""

    @property
    def terms(self) -> int:
        return 1

    def magnitude(self, golden: Golden) -> Tensor:
        return golden[self.slot].abs()

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        parts = [one for one in inputs if one is not None]
        total = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        # A source that does not deviate may be the larger one.
        return total.expand(len(total), *golden[self.slot].shape[1:])

    def spread(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        return self.tangent(golden, inputs)


@dataclass(frozen=True)
class Layout(LinearOperation):
    """What only moves elements, or adds zeros: ``op(parts, like)``, given golden values."""

    op: Callable[[Sequence[Tensor], Tensor], Tensor]

    @property
    def terms(self) -> int:
        return 0

    def magnitude(self, golden: Golden) -> Tensor:
        return golden[self.slot].abs()

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        (known, *_) = [one for one in inputs if one is not None]
        parts = [
            # A part that does not deviate keeps its place among the others.
            known.new_zeros(len(known), *golden[slot].shape[1:]) if one is None else one
            for slot, one in zip(self.sources, inputs, strict=True)
        ]
        return self.op(parts, golden[self.slot])

    def spread(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        return self.tangent(golden, inputs)
