"""Which outputs of a convolution or pooling layer depend on which inputs?"""

from typing import Any

from radhard.replay.patch import Patch, Start

__all__ = ["LARGEST_WINDOW", "Kernel"]

LARGEST_WINDOW = 0.5
"""Share of the positions of an output map above which a window of influence becomes the whole map.

This concerns speed only: cutting out a window and putting golden values around it costs more than
it saves where most of the map is computed anyway.
"""


class Kernel:
    """Size, stride, padding and dilation of a sliding kernel, along height and width.

    A difference in a part of a map reaches the outputs whose kernels cover it: its *window of
    influence*. It grows from layer to layer by the size of the kernels.
    """

    def __init__(self, size: Any, stride: Any, padding: Any, dilation: Any) -> None:
        self.size, self.stride = _pair(size), _pair(stride or size)
        self.padding, self.dilation = _pair(padding), _pair(dilation)

    def window(
        self, patch: Patch, height: int, width: int
    ) -> tuple[tuple[Start, int], tuple[Start, int]] | None:
        """The window of influence of a patch in an output map: start and length along each axis.

        None: it covers more than `LARGEST_WINDOW` of the map. Windows may extend beyond the edge of
        the map, as all rows of a patch have windows of one size; they are not clipped here.
        """
        (y, h), (x, w) = (
            self.reach(patch.starts[1 + axis], patch.values.shape[2 + axis], axis)
            for axis in (0, 1)
        )
        if h * w > LARGEST_WINDOW * height * width:
            return None
        return (y, h), (x, w)

    def reach(self, start: Start, length: int, axis: int) -> tuple[Start, int]:
        """Start and length of the outputs that depend on the inputs ``start .. start + length``.

        With a stride the length is an upper bound, since it has to hold for every start.

        >>> Kernel(3, 1, 1, 1).reach(4, 1, axis=0)  # one input, three outputs
        (3, 3)
        """
        k, s = (self.size[axis] - 1) * self.dilation[axis], self.stride[axis]
        assert start is not None
        first = start + self.padding[axis] - k
        # The first kernel whose last element reaches the start: rounded up, as kernels stand at
        # multiples of the stride only.
        return -(-first // s), (length - 1 + k) // s + 1

    def field(self, start: Start, length: int, axis: int) -> tuple[Start, int]:
        """Start and length of the inputs on which the outputs ``start .. start + length`` depend.

        >>> Kernel(3, 1, 1, 1).field(3, 3, axis=0)
        (2, 5)
        """
        k, s = (self.size[axis] - 1) * self.dilation[axis], self.stride[axis]
        assert start is not None
        return start * s - self.padding[axis], (length - 1) * s + k + 1


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    first, *rest = value
    return int(first), int(rest[0] if rest else first)
