"""Which axis of a flowing tensor is that of the samples?"""

from typing import Any

import torch
from torch import Tensor

from radhard.tree import changed, leaves

__all__ = ["different", "geometry", "repeated"]


def repeated(inputs: Any, times: int) -> Any:
    """A batch of several copies of the first sample."""
    batch = inputs
    for path, _ in leaves(inputs):
        batch = changed(batch, path, lambda t: t[:1].expand(times, *t.shape[1:]).contiguous())
    return batch


def different(inputs: Any) -> Any | None:
    """A batch of the first sample and one that differs from it; None if all are equal."""
    parts = leaves(inputs)
    for other in range(1, len(parts[0][1])):
        # The first that differs in any of the inputs.
        if any(not torch.equal(tensor[0], tensor[other]) for _, tensor in parts):
            batch = inputs
            for path, _ in parts:
                batch = changed(batch, path, lambda t: t[[0, other]])  # noqa: B023
            return batch
    return None


def geometry(two: Tensor, three: Tensor, mixed: Tensor) -> tuple[tuple[int, ...], int | None, str]:
    """The shape of one sample, the axis of the samples, and the problem with it, if any.

    The tensors belong to batches of two and of three copies of one sample, and of that sample
    followed by another.
    """
    shape = tuple(two.shape)
    if two.ndim != three.ndim or two.shape != mixed.shape:
        return shape, None, f"its shape {shape} changes with the samples"
    differing = [i for i, (m, n) in enumerate(zip(two.shape, three.shape, strict=True)) if m != n]
    if not differing:
        return shape, None, ""
    axis = differing[0]
    # An axis may count several rows for each sample, as where heads are folded into the batch.
    rows, odd = divmod(two.shape[axis], 2)
    if len(differing) > 1 or odd or three.shape[axis] != 3 * rows:
        return shape, None, f"no axis of its shape {shape} counts the samples"
    rest = tuple(size for i, size in enumerate(two.shape) if i != axis)
    if rows == 1:
        return rest, axis, ""
    # The rows of one sample must be adjacent: in the mixed batch the first of them must not
    # change. If they do, rows of the other sample lie in between.
    own, beside = two.narrow(axis, 0, rows), mixed.narrow(axis, 0, rows)
    if not ((own == beside) | (own.isnan() & beside.isnan())).all():
        return shape, None, f"samples take turns on axis {axis} of its shape {shape}"
    return (rows, *rest), axis, ""
