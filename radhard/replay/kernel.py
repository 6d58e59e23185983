"""Which outputs of a sliding window see which inputs?"""

from typing import Any

from radhard.replay.patch import Start

__all__ = ["FILLED", "Kernel"]

FILLED = 0.5
"""A window that covers more of the map than this is made the whole map."""


class Kernel:
    """Size, stride, padding and dilation of a sliding window, along height and width."""

    def __init__(self, size: Any, stride: Any, padding: Any, dilation: Any) -> None:
        self.size, self.stride = _pair(size), _pair(stride or size)
        self.padding, self.dilation = _pair(padding), _pair(dilation)

    def reach(self, start: Start, length: int, axis: int) -> tuple[Start, int]:
        """Where and how long the outputs are that see the inputs ``start .. start + length``."""
        k, s = (self.size[axis] - 1) * self.dilation[axis], self.stride[axis]
        assert start is not None
        first = start + self.padding[axis] - k
        return -(-first // s), (length - 1 + k) // s + 1

    def field(self, start: Start, length: int, axis: int) -> tuple[Start, int]:
        """Where and how long the inputs are that the outputs ``start .. start + length`` see."""
        k, s = (self.size[axis] - 1) * self.dilation[axis], self.stride[axis]
        assert start is not None
        return start * s - self.padding[axis], (length - 1) * s + k + 1


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, *rest = value
    return int(first), int(rest[0] if rest else first)
