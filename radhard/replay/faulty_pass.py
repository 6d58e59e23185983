"""What is known of a faulty forward pass, beside the golden one?"""

from typing import Any

import torch
from torch import Tensor

from radhard.replay.crop import crop, paste, zeros_of
from radhard.replay.graph.operation_graph import Graph, Node, Slot
from radhard.replay.patch import Patch, Start, inside_mask, is_channels_last, select_rows

__all__ = ["FaultyPass", "runs"]


class FaultyPass:
    """One or more trials on their way through the graph, as differences from the golden values.

    Every row is one sample of one trial. ``rows`` says which golden sample each is (None: all, in
    order), ``owner`` which trial (None: there is one). With ``grouped`` the rows of a trial stand
    together and share their channels; else every row is a trial of its own. ``exact``: carry every
    operation out as it stands, on whole values.
    """

    def __init__(
        self,
        graph: Graph,
        golden: dict[int, Any],
        rows: Tensor | None = None,
        owner: Tensor | None = None,
        *,
        grouped: bool = True,
        exact: bool = False,
    ) -> None:
        self.graph, self.golden = graph, golden
        self.rows, self.owner, self.grouped, self.exact = rows, owner, grouped, exact
        self.patches: dict[int, Patch] = {}
        self.others: dict[int, Any] = {}
        """Faulty values that are no tensors with the samples in front; parameters among them."""
        self.spent: set[int] = set()
        """Slots whose values nobody needs after the operation that is carried out."""
        self.rounded: set[int] = set()
        """Trials whose values are little but rounding, which depends on the order of additions."""
        self.tiles = 1 if rows is None else 0
        """How many times the rows are all golden rows in order; 0: they are others."""

    def crop(self, slot: int, starts: tuple[Start, ...], like: Tensor) -> Tensor:
        """Golden values under a geometry."""
        return crop(self.golden[slot], self.rows, starts, like)

    def at(self, slot: int, starts: tuple[Start, ...], like: Tensor) -> Tensor:
        """Faulty values under a geometry: golden where nothing differs."""
        patch = self.patches.get(slot)
        if (
            patch is not None
            and patch.values.shape == like.shape
            and all(mine is start for mine, start in zip(patch.starts, starts, strict=True))
        ):
            return patch.values
        golden = self.crop(slot, starts, like)
        if patch is None:
            return golden
        # Without a choice of rows it may be the golden values themselves.
        return paste(patch, golden.clone() if self.rows is None else golden, starts)

    def whole(self, slot: int) -> Any:
        """The faulty value of a slot for all rows, whole."""
        if slot in self.others:
            return self.others[slot]
        golden = self.golden[slot]
        if slot not in self.graph.by_sample:
            return golden
        patch = self.patches.get(slot)
        if patch is None:
            return golden if self.rows is None else select_rows(golden, self.rows)
        if patch.whole:
            return patch.values
        base = golden.clone() if self.rows is None else select_rows(golden, self.rows)
        return paste(patch, base, (None,) * (golden.ndim - 1))

    def widened(self, slot: int, axes: tuple[int, ...]) -> Patch:
        """The faulty values of a slot with some axes made whole: golden where nothing differs."""
        patch = self.patches[slot]
        axes = tuple(axis for axis in axes if patch.starts[axis - 1] is not None)
        if not axes:
            return patch
        sizes, starts = list(patch.values.shape), list(patch.starts)
        for axis in axes:
            sizes[axis], starts[axis - 1] = self.golden[slot].shape[axis], None
        values = self.at(slot, tuple(starts), patch.values.new_empty(sizes))
        return Patch(values, tuple(starts))

    def delta(self, slot: int) -> Patch:
        """Faulty less golden, zero over the edge."""
        # A linear operation needs nothing but differences, and outside the patch these are zero,
        # whatever the golden values are there.
        patch = self.patches[slot]
        values = patch.values - self.crop(slot, patch.starts, patch.values)
        mask = inside_mask(patch, tuple(self.golden[slot].shape[1:]))
        # Never a product: what lies over the edge may be infinite.
        return patch.like(values if mask is None else values.where(mask, 0))

    def spread(self, delta: Patch, shape: tuple[int, ...], axes: tuple[int, ...]) -> Patch:
        """A difference with some axes made whole: zero where there was none."""
        sizes = list(delta.values.shape)
        starts = list(delta.starts)
        for axis in axes:
            sizes[axis] = shape[axis - 1]
            starts[axis - 1] = None
        zeros = zeros_of(delta.values, sizes)
        return Patch(paste(delta, zeros, tuple(starts)), tuple(starts))

    def plus(self, slot: int, difference: Tensor, starts: tuple[Start, ...]) -> Patch:
        """The golden value of a slot with a difference added, where the difference lies.

        The difference is overwritten where it can be.
        """
        golden = self.golden[slot]
        # The rows are the golden ones, several times over: added by broadcasting, without gathering
        # a golden row for each.
        if self.tiles and all(start is None for start in starts) and _alike(difference, golden):
            difference.view(self.tiles, *golden.shape).add_(golden)
            return Patch(difference, starts, own=True)
        cut = self.crop(slot, starts, difference)
        if self.rows is None:  # it may be the golden value itself
            return Patch(cut + difference, starts, own=True)
        return Patch(cut.add_(difference), starts, own=True)

    def some(self, rows: Tensor) -> "FaultyPass":
        """A pass of some of the rows."""
        part = FaultyPass(self.graph, self.golden, self.rows, self.owner, grouped=self.grouped)
        # The patches themselves are shared; keeping rows makes new ones.
        part.patches = dict(self.patches)
        part._keep(rows)
        return part

    def drop(self, alive: Tensor) -> None:
        """Go on with some rows only."""
        self._keep(alive.nonzero().squeeze(1))

    def _keep(self, keep: Tensor) -> None:
        self.tiles = 0
        if self.rows is None:
            self.rows = keep
        else:
            self.rows = self.rows[keep]
        if self.owner is not None:
            self.owner = self.owner[keep]
        self.patches = {slot: patch.keep(keep) for slot, patch in self.patches.items()}

    def alive(self, slot: int) -> Tensor:
        """Which rows differ from the golden ones in a slot."""
        patch = self.patches[slot]
        if patch.whole and patch.values.ndim == 4 and is_channels_last(patch.values):
            return self._alive_whole(slot, patch.values)
        delta = self.delta(slot).values
        # A norm over no axis at all would be one over all of them.
        if delta.ndim == 1:
            return delta != 0
        if not delta.is_floating_point():  # such as tokens that a decoder chose
            return (delta != 0).flatten(1).any(dim=1)
        # NaN and infinity are not zero either.
        size: Tensor = torch.linalg.vector_norm(delta, ord=1, dim=tuple(range(1, delta.ndim)))
        return size != 0

    def _alive_whole(self, slot: int, values: Tensor) -> Tensor:
        """The same of whole values: most rows that differ do so in any part of them."""
        golden = self.golden[slot]
        rows = torch.arange(len(golden), device=golden.device) if self.rows is None else self.rows
        alive: Tensor = (_part(values) != _part(golden).index_select(0, rows)).any(dim=1)
        rest = (~alive).nonzero().squeeze(1)
        if len(rest):
            differ = select_rows(values, rest) != select_rows(golden, rows[rest])
            alive[rest] = differ.flatten(1).any(dim=1)
        return alive

    def argument(self, node: Node, number: int, default: Any = None) -> Any:
        """An argument of a node that is not a slot, by position."""
        if len(node.args) > number:
            value = node.args[number]
            return self.whole(value.number) if isinstance(value, Slot) else value
        return default


def _part(values: Tensor) -> Tensor:
    """A stretch from the middle of every row, ``(rows, elements)``, as it lies in memory."""
    flat = (values.permute(0, 2, 3, 1) if values.ndim == 4 else values).flatten(1)
    # From the middle, as a window of influence covers the border least often.
    return flat.narrow(1, flat.shape[1] // 2, min(64, flat.shape[1] - flat.shape[1] // 2))


def _alike(values: Tensor, golden: Tensor) -> bool:
    """Whether values have the memory order of golden ones."""
    return values.ndim != 4 or is_channels_last(values) or not is_channels_last(golden)


def runs(state: FaultyPass) -> list[slice]:
    """The stretches of rows that belong to one trial each."""
    assert state.owner is not None
    # The rows of a trial stand together, so that each owner is one stretch.
    ends = torch.unique_consecutive(state.owner, return_counts=True)[1].cumsum(0).tolist()
    return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]
