"""How are patches cut out of golden values, and put back into whole ones?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from radhard.replay.patch import (
    Patch,
    Start,
    broadcast_along,
    is_channels_last,
    positions,
    select_rows,
)

__all__ = ["crop", "paste", "zeros_of"]


def crop(golden: Tensor, rows: Tensor | None, starts: tuple[Start, ...], like: Tensor) -> Tensor:
    """The golden values under a patch whose values are shaped ``like``.

    ``rows`` are the golden rows that the patch's rows belong to; None: all, in order. Coordinates
    over the edge give the value at the edge.
    """
    # From the cheapest case to the general one: views of memory, then copies of whole pixels, then
    # element by element.
    if _whole(starts):
        return golden if rows is None else select_rows(golden, rows)
    if rows is None and _within(starts, like, golden):
        for axis, start in enumerate(starts, start=1):
            if isinstance(start, int):
                golden = golden.narrow(axis, start, like.shape[axis])
        return golden
    n = len(like)
    rows = torch.arange(n, device=golden.device) if rows is None else rows
    if golden.ndim == 4 and starts[0] is None and is_channels_last(golden):
        return _cut_window(golden, rows, starts, like)
    channel = starts[0]
    if isinstance(channel, Tensor) and like.shape[1] == 1 and _whole(starts[1:]):
        return golden[rows, channel.clamp(0, golden.shape[1] - 1)].unsqueeze(1)
    index: list[Tensor] = [broadcast_along(rows[:, None], 1, golden.ndim)]
    for axis, start in enumerate(starts, start=1):
        size = golden.shape[axis]
        at = positions(start, like.shape[axis], n, golden.device).clamp(0, size - 1)
        index.append(broadcast_along(at, axis, golden.ndim))
    return golden[tuple(index)]


def _whole(starts: tuple[Start, ...]) -> bool:
    return all(start is None for start in starts)


def _within(starts: tuple[Start, ...], like: Tensor, golden: Tensor) -> bool:
    """Whether a patch has one place for all rows, and does not hang over an edge."""
    return all(
        start is None
        or (isinstance(start, int) and 0 <= start <= golden.shape[axis] - like.shape[axis])
        for axis, start in enumerate(starts, start=1)
    )


def _cut_window(golden: Tensor, rows: Tensor, starts: tuple[Start, ...], like: Tensor) -> Tensor:
    """Windows of all channels: whole pixels are copied from channels-last memory."""
    _, c, h, w = golden.shape
    y = positions(starts[1], like.shape[2], len(rows), golden.device).clamp(0, h - 1)
    x = positions(starts[2], like.shape[3], len(rows), golden.device).clamp(0, w - 1)
    flat = (rows[:, None, None] * h + y[:, :, None]) * w + x[:, None, :]
    picked = _pixels(golden).index_select(0, flat.reshape(-1))
    return picked.view(len(rows), like.shape[2], like.shape[3], c).permute(0, 3, 1, 2)


def _pixels(values: Tensor) -> Tensor:
    """``(rows * height * width, channels)`` of channels-last memory, without a copy."""
    return values.permute(0, 2, 3, 1).flatten(0, 2)


def paste(patch: Patch, onto: Tensor, starts: tuple[Start, ...]) -> Tensor:
    """``onto``, a fresh tensor of geometry ``starts``, with the patch's values where they lie."""
    values = patch.values
    if (
        all(a is b for a, b in zip(patch.starts, starts, strict=True))
        and values.shape == onto.shape
    ):
        return values
    # The patch's place relative to `onto`, which may itself begin inside the tensor.
    shifts: list[int] = []
    for mine, other in zip(patch.starts, starts, strict=True):
        shift = (0 if mine is None else mine) - (0 if other is None else other)
        if isinstance(shift, Tensor):
            # Rows that all lie at one place are copied as one block.
            if not bool((shift == shift[0]).all()):
                return _pasted_by_row(patch, onto, starts)
            shift = int(shift[0])
        shifts.append(shift)
    place = onto
    for axis, shift in enumerate(shifts, start=1):
        # What hangs over the edges of `onto` is left out.
        low, high = max(shift, 0), min(shift + values.shape[axis], onto.shape[axis])
        if high <= low:
            return onto
        place = place.narrow(axis, low, high - low)
        values = values.narrow(axis, low - shift, high - low)
    place.copy_(values)
    return onto


def _pasted_by_row(patch: Patch, onto: Tensor, starts: tuple[Start, ...]) -> Tensor:
    values, n = patch.values, len(onto)
    if onto.ndim == 4 and is_channels_last(onto) and values.shape[1] == onto.shape[1]:
        (y, in_y), (x, in_x) = (_landing(patch, onto, starts, axis) for axis in (2, 3))
        rows = torch.arange(n, device=onto.device)[:, None, None] * onto.shape[2]
        flat = ((rows + y[:, :, None]) * onto.shape[3] + x[:, None, :]).reshape(-1)
        pixels = values.permute(0, 2, 3, 1).reshape(-1, values.shape[1])
        valid = (in_y[:, :, None] & in_x[:, None, :]).reshape(-1)
        if not bool(valid.all()):
            kept = valid.nonzero().squeeze(1)
            flat, pixels = flat[kept], pixels.index_select(0, kept)
        _pixels(onto).index_copy_(0, flat, pixels)
        return onto
    rows = torch.arange(n, device=onto.device)
    index: list[Tensor] = [broadcast_along(rows[:, None], 1, onto.ndim)]
    valid = torch.ones((1,) * onto.ndim, dtype=torch.bool, device=onto.device)
    for axis in range(1, onto.ndim):
        at, ok = _landing(patch, onto, starts, axis)
        valid = valid & broadcast_along(ok, axis, onto.ndim)
        index.append(broadcast_along(at, axis, onto.ndim))
    valid = valid.expand(values.shape)
    onto[tuple(part.expand(values.shape)[valid] for part in index)] = values[valid]
    return onto


def _landing(
    patch: Patch, onto: Tensor, starts: tuple[Start, ...], axis: int
) -> tuple[Tensor, Tensor]:
    """Where along an axis of ``onto`` a patch's values land, ``(rows, length)``; if they do."""
    mine, other = patch.starts[axis - 1], starts[axis - 1]
    at = positions(mine, patch.values.shape[axis], len(onto), onto.device)
    if isinstance(other, Tensor):
        at = at - other[:, None]
    elif other is not None:
        at = at - other
    return at, (at >= 0) & (at < onto.shape[axis])


def zeros_of(like: Tensor, sizes: Sequence[int]) -> Tensor:
    """Zeros of other sizes, in the memory order that suits maps."""
    last = torch.channels_last if len(sizes) == 4 else torch.contiguous_format
    empty = torch.empty(sizes, dtype=like.dtype, device=like.device, memory_format=last)
    return empty.zero_()
