"""Which value is chosen from three copies?"""

from typing import Any

import torch
from torch import Tensor

from radhard.hardenings.part import Part
from radhard.hardenings.redundancy.copies import Copies, channel_axis
from radhard.hardenings.redundancy.edac import ROUNDING
from radhard.internals import is_tracing

__all__ = ["Voter", "voted"]


class Voter(Part):
    """Computes some channels of a layer three times and takes the majority of each element."""

    def __init__(self, by: str, *, layer: dict[str, Any], channels: tuple[int, ...]) -> None:
        super().__init__(by)
        self.layer, self.channels = dict(layer), tuple(channels)
        self.second = Copies(self.layer, self.channels)
        self.third = Copies(self.layer, self.channels)
        # Not a buffer: it belongs to the structure of the network, as in `Edac`.
        self.rows = torch.tensor(self.channels, dtype=torch.int64)

    @property
    def settings(self) -> dict[str, Any]:
        return {"layer": self.layer, "channels": self.channels}

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:
        if self.rows.device != output.device:
            self.rows = self.rows.to(output.device)
        axis = channel_axis(self.layer, output)
        # Not of the shape of the output, which is a tensor while a program is recorded.
        every_channel = len(self.channels) == self.layer["outputs"]
        # Without a copy, if all channels are voted on.
        first = output if every_channel else output.index_select(axis, self.rows)
        second, third = self.second(args[0]), self.third(args[0])
        # The median, so that no single copy determines the tolerance; computed with operations that
        # ONNX supports.
        largest = torch.stack([copy.abs().flatten().amax(0) for copy in (first, second, third)])
        slack = ROUNDING * largest.sort().values[1]
        # As in Edac, checking costs less than writing.
        looks = not (is_tracing() or output.is_cuda)
        if looks and all(bool(((first - copy).abs_() <= slack).all()) for copy in (second, third)):
            return output
        chosen = voted(first, second, third, slack)
        return chosen if every_channel else output.index_copy(axis, self.rows, chosen)


def voted(first: Tensor, second: Tensor, third: Tensor, slack: Tensor | float = 0.0) -> Tensor:
    """The value of at least two copies; the least finite one if all differ, or zero if none is.

    ``slack``: by how much copies may differ due to the order of summation.

    >>> voted(torch.tensor([1.0, 5.0]), torch.tensor([1.0, 2.0]), torch.tensor([9.0, 3.0]))
    tensor([1., 2.])
    """
    copies = (first, second, third)
    least = torch.stack([torch.where(c.isfinite(), c, torch.inf) for c in copies]).amin(0)
    # Infinite only if no copy is finite.
    least = torch.where(least.isfinite(), least, 0.0)
    agree = _alike(first, second, slack) | _alike(first, third, slack)
    return torch.where(agree, first, torch.where(_alike(second, third, slack), second, least))


def _alike(first: Tensor, second: Tensor, slack: Tensor | float) -> Tensor:
    # Compared directly too, since the difference of equal infinities is NaN.
    return (first == second) | ((first - second).abs() <= slack)
