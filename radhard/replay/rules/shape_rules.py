"""How does a difference pass operations that only move values about?"""

from typing import Any

import torch
from torch.nn import functional as nnf

from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Node
from radhard.replay.patch import Patch

__all__ = ["RULES"]

aten: Any = torch.ops.aten


def reshape(state: FaultyPass, node: Node) -> Patch | None:
    """Other axes than the first laid out anew; flat, a channel is a run of features."""
    source = node.args[0].number
    before, after = state.golden[source].shape, state.golden[node.slot].shape
    patch = state.patches[source]
    if before == after:
        return patch
    start = patch.starts[0]
    # Only where channels are flattened does a patch stay in one run: those of a channel lie side by
    # side. A window in height and width would come apart.
    if len(after) != 2 or start is None or any(other is not None for other in patch.starts[1:]):
        # The sizes among the arguments may be those of the golden batch.
        whole = state.whole(source)
        return Patch(whole.reshape(len(whole), *after[1:]), (None,) * (len(after) - 1))
    # Each channel before the patch takes up as many features as it has positions.
    return Patch(patch.values.flatten(1), (start * before[2:].numel(),))


def concatenate(state: FaultyPass, node: Node) -> Patch | None:
    """Side by side along the channels: a patch in one part moves by the parts before it."""
    parts = [slot.number for slot in node.args[0]]
    axis = node.args[1] if len(node.args) > 1 else 0
    faulty = [slot for slot in parts if slot in state.patches]
    if (
        axis not in (1, 1 - state.golden[node.slot].ndim)
        or len(faulty) != 1
        or parts.count(faulty[0]) > 1
    ):
        return None
    before = sum(state.golden[slot].shape[1] for slot in parts[: parts.index(faulty[0])])
    patch = state.patches[faulty[0]]
    start = patch.starts[0]
    return Patch(patch.values, (before if start is None else start + before, *patch.starts[1:]))


def slice_axis(state: FaultyPass, node: Node) -> Patch | None:
    """A slice along one axis, in steps."""
    source = node.args[0].number
    before, after = state.golden[source].shape, state.golden[node.slot].shape
    if before == after:  # all of it
        return state.patches[source]
    axis = state.argument(node, 1, 0) % len(before)
    if axis == 0:
        return None
    first, step = state.argument(node, 2, 0) or 0, state.argument(node, 4, 1)
    # As Python slices: negative from the end, and what lies before the beginning is the beginning.
    first = max(first + before[axis] if first < 0 else first, 0)
    patch = state.patches[source]
    start = patch.starts[axis - 1]
    if axis == 1 or start is None:
        patch = state.widened(source, (axis,))
        index = [slice(None)] * axis + [slice(first, first + after[axis] * step, step)]
        return patch.like(patch.values[tuple(index)])
    starts = list(patch.starts)
    if step > 1:
        # Like a kernel of one element: those of the window's outputs that the patch misses are
        # golden.
        lowest = -((first - start) // step)
        many = (patch.values.shape[axis] - 1) // step + 1
        starts[axis - 1] = first + lowest * step
        sizes = list(patch.values.shape)
        sizes[axis] = (many - 1) * step + 1
        values = state.at(source, tuple(starts), patch.values.new_empty(sizes))
        starts[axis - 1] = lowest
        return Patch(values[(slice(None),) * axis + (slice(None, None, step),)], tuple(starts))
    # A slice that begins at `first` counts positions from there. The patch may now begin before 0
    # or end behind the edge; what hangs over is ignored when it is put onto golden values.
    starts[axis - 1] = start - first
    return Patch(patch.values, tuple(starts))


def pad(state: FaultyPass, node: Node) -> Patch | None:
    """A border of a constant, around golden and faulty values alike."""
    source = node.args[0].number
    sizes = node.args[1]
    if state.argument(node, 2, "constant") != "constant" or min(sizes) < 0:
        return None
    ndim = state.golden[node.slot].ndim
    bordered = [ndim - 1 - at for at in range(len(sizes) // 2) if any(sizes[2 * at : 2 * at + 2])]
    if 0 in bordered:
        return None
    # What hangs over the edge means nothing; with a border there it would.
    patch = state.widened(source, tuple(axis for axis in bordered if axis > 1))
    if 1 in bordered:
        # The channels of the border do not differ.
        before, start = sizes[2 * (ndim - 2)], patch.starts[0]
        start = before if start is None else start + before
        sizes, patch = sizes[: 2 * (ndim - 2)], Patch(patch.values, (start, *patch.starts[1:]))
    value = state.argument(node, 3)
    values = nnf.pad(patch.values, sizes, value=value or 0) if any(sizes) else patch.values
    return patch.like(values)


RULES = {
    **dict.fromkeys(
        [
            aten.flatten.using_ints,
            aten.unflatten.int,
            aten.view.default,
            aten.reshape.default,
        ],
        reshape,
    ),
    aten.cat.default: concatenate,
    aten.slice.Tensor: slice_axis,
    aten.pad.default: pad,
}
