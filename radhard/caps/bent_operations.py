"""How does a deviation pass ReLU and its relatives, and max-pooling?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as nnf

from radhard.caps.bounded_operation import BoundedOperation, Golden, Limits
from radhard.caps.interval import Interval

__all__ = ["MaxPool", "PiecewiseLinear"]


@dataclass(frozen=True)
class PiecewiseLinear(BoundedOperation):
    """A monotone function of straight pieces, of every element."""

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    """The derivative; at a kink either side's."""
    kinks: tuple[float, ...]
    """Where it bends, if at more than one place."""
    limits: tuple[float, float]
    """Its smallest and its largest value; what it takes in between, it returns unchanged."""
    rounded: bool = False

    @property
    def terms(self) -> int:
        return 2 if self.rounded else 0

    def magnitude(self, golden: Golden) -> Tensor:
        return golden[self.sources[0]].abs()

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        (one,) = inputs
        assert one is not None
        return one * self.slope(golden[self.sources[0]])

    def passed(
        self, golden: Golden, inputs: Sequence[Interval | None]
    ) -> tuple[Interval, Limits | None]:
        before, one = golden[self.sources[0]], inputs[0]
        assert one is not None
        low, high = one.low, one.high
        # The function is monotone: its extremes over an interval are at the ends.
        after, slope = self.function(before), self.slope(before)
        lower, upper = self.function(before + low) - after, self.function(before + high) - after
        # The remainder consists of straight pieces, and is 0 at 0: its extremes are at the limits
        # of the interval or, if it may go up as well as down, at a kink in between.
        ends = [lower - slope * low, upper - slope * high]
        for kink in self.kinks:
            by = (kink - before).clamp(low, high)
            ends.append(self.function(before + by) - after - slope * by)
        smallest, largest = ends[0].clamp(max=0), ends[0].clamp(min=0)
        for end in ends[1:]:
            smallest, largest = torch.minimum(smallest, end), torch.maximum(largest, end)
        return Interval.between(lower, upper), (smallest, largest)


@dataclass(frozen=True)
class MaxPool(BoundedOperation):
    """The maximum of every window; its tangent is the deviation of the golden maximum."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def terms(self) -> int:
        return 0

    def magnitude(self, golden: Golden) -> Tensor:
        return golden[self.slot].abs()

    def tangent(self, golden: Golden, inputs: Sequence[Tensor | None]) -> Tensor:
        (one,) = inputs
        assert one is not None
        # The border is never a golden maximum: any finite value may stand there.
        found = _at(self._windows(one, 0.0), self._largest(golden))
        return found.reshape(len(one), *golden[self.slot].shape[1:])

    def passed(
        self, golden: Golden, inputs: Sequence[Interval | None]
    ) -> tuple[Interval, Limits | None]:
        before, one = golden[self.sources[0]], inputs[0]
        assert one is not None
        largest = self._largest(golden)
        lows, highs = (self._windows(before + end, -torch.inf) for end in (one.low, one.high))
        after = _at(self._windows(before, -torch.inf), largest)
        lower, upper = (ends.amax(2, keepdim=True) - after for ends in (lows, highs))
        # By how much another element may overtake the golden maximum, wherever that one goes.
        own = largest.expand(len(highs), *largest.shape[1:])
        others = highs.scatter(2, own, -torch.inf).amax(2, keepdim=True)
        ahead = (others - _at(lows, largest)).clamp(min=0)
        lower, upper, ahead = (
            one.reshape(len(highs), *golden[self.slot].shape[1:]) for one in (lower, upper, ahead)
        )
        return Interval.between(lower, upper), (torch.zeros_like(ahead), ahead)

    def _windows(self, values: Tensor, border: float) -> Tensor:
        """``(rows, channels, elements of a window, windows)``."""
        # Padded here, as unfold pads with 0, which may exceed every element of a window.
        (y, x), channels = self.padding, values.shape[1]
        padded = nnf.pad(values, (x, x, y, y), value=border)
        columns = nnf.unfold(padded, self.size, self.dilation, 0, self.stride)
        return columns.reshape(len(values), channels, -1, columns.shape[2])

    def _largest(self, golden: Golden) -> Tensor:
        windows = self._windows(golden[self.sources[0]], -torch.inf)
        return windows.argmax(2, keepdim=True)


def _at(windows: Tensor, which: Tensor) -> Tensor:
    return windows.gather(2, which.expand(len(windows), *which.shape[1:]))
