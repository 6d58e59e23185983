"""What does a changed word of a key-value cache do in each reading of the cache?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from radhard.replay.faulty_pass import FaultyPass
from radhard.replay.graph.operation_graph import Node
from radhard.replay.patch import Patch

__all__ = ["CacheChange"]


@dataclass
class CacheChange:
    """Changes of words of a cache, one a row, as they enter every reading of it.

    A pass has one row for each; the owner of a row is the number of its change.
    """

    uses: dict[int, int]
    """The number of the reading, by the slot of what is read, ``(rows, ..., positions, channels)``.
    """
    position: Tensor
    """The position of each word, ``(changes,)``, which early readings may not have yet."""
    inside: Sequence[Tensor]
    """Its other coordinates, each ``(changes,)``: such as the head, and the channel."""
    changed: Callable[[Tensor, Tensor], Tensor]
    """The values of words after the change, given those before it and the numbers of changes."""
    met: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    """The changes that were met, and the values after them, reading by reading."""

    def enter(self, state: FaultyPass, node: Node, patch: Patch | None) -> Patch | None:
        """What is read, of which ``patch`` is due to differences before; None: what was there."""
        assert state.owner is not None
        length = state.golden[node.slot].shape[-2]
        rows = (self.position[state.owner] < length).nonzero().squeeze(1)
        changes = state.owner[rows]
        *lead, channel = (axis[changes] for axis in self.inside)
        where = (rows, *lead, self.position[changes], channel)
        values: Tensor = state.whole(node.slot)
        before = values[where]
        after = self.changed(before, changes)
        # NaN differs from itself, so that a value that becomes NaN counts as changed.
        moved = (after != before).nonzero().squeeze(1)
        if not len(moved):
            return patch
        self.met.append((changes[moved], after[moved]))
        values = values.clone()
        values[where] = torch.where(after != before, after, before)
        return Patch(values, (None,) * (values.ndim - 1), own=True)
