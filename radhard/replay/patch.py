"""How is a value kept that differs from the golden one in a part of each row only?"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Patch",
    "Start",
    "broadcast_along",
    "inside_mask",
    "is_channels_last",
    "positions",
    "select_rows",
]

Start = Tensor | int | None
"""Where a patch begins along an axis: one place, one a row ``(rows,)``; None: it is the whole."""


@dataclass
class Patch:
    """Faulty values of some rows, where they may differ from the golden ones.

    ``values`` is ``(rows, ...)``; ``starts`` says for every further axis where the values lie. A
    patch may hang over the edge of its tensor; what lies outside means nothing.
    """

    values: Tensor
    starts: tuple[Start, ...]
    own: bool = False
    """Whether the values lie in memory of their own, which may be written to once they are spent.
    """

    @property
    def whole(self) -> bool:
        """Whether the rows are given entirely."""
        return all(start is None for start in self.starts)

    def like(self, values: Tensor) -> "Patch":
        """A patch of the same geometry."""
        return Patch(values, self.starts)

    def keep(self, rows: Tensor) -> "Patch":
        """The patch of some of its rows."""
        starts = tuple(s[rows] if isinstance(s, Tensor) else s for s in self.starts)
        return Patch(select_rows(self.values, rows), starts, own=True)


def positions(start: Start, length: int, rows: int, device: torch.device) -> Tensor:
    """The coordinates that a patch covers along an axis, ``(rows, length)``."""
    steps = torch.arange(length, device=device)
    if start is None or isinstance(start, int):
        return (steps + (start or 0)).expand(rows, length)
    return start[:, None] + steps


def inside_mask(patch: Patch, shape: tuple[int, ...]) -> Tensor | None:
    """Which of a patch's values lie within a tensor of rows of ``shape``; None: all of them."""
    mask: Tensor | None = None
    values = patch.values
    for axis, (start, size) in enumerate(zip(patch.starts, shape, strict=True), start=1):
        # Channels are never over the edge, nor is an axis that is whole.
        if start is None or axis == 1:
            continue
        at = positions(start, values.shape[axis], len(values), values.device)
        ok = broadcast_along((at >= 0) & (at < size), axis, values.ndim)
        mask = ok if mask is None else mask & ok
    return mask


def broadcast_along(at: Tensor, axis: int, ndim: int) -> Tensor:
    """``(rows, length)`` laid out for broadcasting: rows on axis 0, length on ``axis``."""
    shape = [1] * ndim
    shape[0] = at.shape[0]
    shape[axis] = at.shape[1]
    return at.reshape(shape)


def is_channels_last(values: Tensor) -> bool:
    """Whether the channels of a pixel lie side by side in memory, and the pixels too."""
    return values.is_contiguous(memory_format=torch.channels_last)


def select_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Some rows, in the memory order that they have."""
    if values.ndim == 4 and is_channels_last(values):
        return values.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
    return values.index_select(0, rows)
