"""How is a value kept that differs from the golden one in a part of each row only?"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Patch", "Start", "cut", "inside", "pasted", "positions"]

Start = Tensor | int | None
"""Where a patch begins along an axis: one place, one a row ``(rows,)``; None: it is the whole axis."""


@dataclass
class Patch:
    """Faulty values of some rows, where they may differ from the golden ones.

    ``values`` is ``(rows, ...)``; ``starts`` says for every further axis where the values lie. A
    patch may hang over the edge of its tensor; what lies outside means nothing.
    """

    values: Tensor
    starts: tuple[Start, ...]

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
        return Patch(self.values[rows], starts)


def positions(start: Start, length: int, rows: int, device: torch.device) -> Tensor:
    """The coordinates that a patch covers along an axis, ``(rows, length)``."""
    steps = torch.arange(length, device=device)
    if start is None or isinstance(start, int):
        return (steps + (start or 0)).expand(rows, length)
    return start[:, None] + steps


def inside(patch: Patch, shape: tuple[int, ...]) -> Tensor | None:
    """Which of a patch's values lie within a tensor of rows of ``shape``; None: all of them."""
    mask: Tensor | None = None
    values = patch.values
    for axis, (start, size) in enumerate(zip(patch.starts, shape, strict=True), start=1):
        # Channels are never over the edge, nor is an axis that is whole.
        if start is None or axis == 1:
            continue
        at = positions(start, values.shape[axis], len(values), values.device)
        ok = _along((at >= 0) & (at < size), axis, values.ndim)
        mask = ok if mask is None else mask & ok
    return mask


def cut(golden: Tensor, rows: Tensor | None, starts: tuple[Start, ...], like: Tensor) -> Tensor:
    """The golden values under a patch whose values are shaped ``like``.

    ``rows`` are the golden rows that the patch's rows belong to; None: all, in order. Coordinates
    over the edge give the value at the edge.
    """
    if all(start is None for start in starts):
        return golden if rows is None else golden[rows]
    if rows is None and _within(starts, like, golden):
        for axis, start in enumerate(starts, start=1):
            if isinstance(start, int):
                golden = golden.narrow(axis, start, like.shape[axis])
        return golden
    n = len(like)
    rows = torch.arange(n, device=golden.device) if rows is None else rows
    if golden.ndim == 4 and starts[0] is None:
        return _cut_window(golden, rows, starts, like)
    index: list[Tensor] = [_along(rows[:, None], 1, golden.ndim)]
    for axis, start in enumerate(starts, start=1):
        size = golden.shape[axis]
        at = positions(start, like.shape[axis], n, golden.device).clamp(0, size - 1)
        index.append(_along(at, axis, golden.ndim))
    return golden[tuple(index)]


def _within(starts: tuple[Start, ...], like: Tensor, golden: Tensor) -> bool:
    """Whether a patch has one place for all rows, and does not hang over an edge."""
    return all(
        start is None
        or (isinstance(start, int) and 0 <= start <= golden.shape[axis] - like.shape[axis])
        for axis, start in enumerate(starts, start=1)
    )


def _cut_window(golden: Tensor, rows: Tensor, starts: tuple[Start, ...], like: Tensor) -> Tensor:
    """Windows of all channels: whole pixels are copied from channels-last memory."""
    n, c, h, w = golden.shape
    y = positions(starts[1], like.shape[2], len(rows), golden.device).clamp(0, h - 1)
    x = positions(starts[2], like.shape[3], len(rows), golden.device).clamp(0, w - 1)
    flat = (rows[:, None, None] * h + y[:, :, None]) * w + x[:, None, :]
    pixels = golden.permute(0, 2, 3, 1).reshape(n * h * w, c)
    picked = pixels.index_select(0, flat.reshape(-1))
    return picked.view(len(rows), like.shape[2], like.shape[3], c).permute(0, 3, 1, 2)


def pasted(patch: Patch, onto: Tensor, starts: tuple[Start, ...]) -> Tensor:
    """``onto``, a fresh tensor of geometry ``starts``, with the patch's values where they lie."""
    values = patch.values
    if (
        all(a is b for a, b in zip(patch.starts, starts, strict=True))
        and values.shape == onto.shape
    ):
        return values
    shifts: list[int] = []
    for mine, other in zip(patch.starts, starts, strict=True):
        shift = (0 if mine is None else mine) - (0 if other is None else other)
        if isinstance(shift, Tensor):
            if not bool((shift == shift[0]).all()):
                return _pasted_by_row(patch, onto, starts)
            shift = int(shift[0])
        shifts.append(shift)
    place = onto
    for axis, shift in enumerate(shifts, start=1):
        low, high = max(shift, 0), min(shift + values.shape[axis], onto.shape[axis])
        if high <= low:
            return onto
        place = place.narrow(axis, low, high - low)
        values = values.narrow(axis, low - shift, high - low)
    place.copy_(values)
    return onto


def _pasted_by_row(patch: Patch, onto: Tensor, starts: tuple[Start, ...]) -> Tensor:
    rows = torch.arange(len(onto), device=onto.device)
    index: list[Tensor] = [_along(rows[:, None], 1, onto.ndim)]
    valid: Tensor | None = None
    for axis, (mine, other) in enumerate(zip(patch.starts, starts, strict=True), start=1):
        length = patch.values.shape[axis]
        at = positions(mine, length, len(onto), onto.device)
        if isinstance(other, Tensor):
            at = at - other[:, None]
        elif other is not None:
            at = at - other
        ok = _along((at >= 0) & (at < onto.shape[axis]), axis, onto.ndim)
        valid = ok if valid is None else valid & ok
        index.append(_along(at, axis, onto.ndim))
    assert valid is not None
    where = tuple(
        part.expand(patch.values.shape)[valid.expand(patch.values.shape)] for part in index
    )
    onto[where] = patch.values[valid.expand(patch.values.shape)]
    return onto


def _along(at: Tensor, axis: int, ndim: int) -> Tensor:
    """``(rows, length)`` laid out for broadcasting: rows on axis 0, length on ``axis``."""
    shape = [1] * ndim
    shape[0] = at.shape[0]
    shape[axis] = at.shape[1]
    return at.reshape(shape)
