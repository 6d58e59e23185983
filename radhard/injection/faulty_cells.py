"""Which cells of a stored tensor's memory do faults change, and to what?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.injection.coded_blocks import decode_blocks
from radhard.injection.corruption import Hits, corrupted, in_rounds, rescaled
from radhard.space import Numbers

__all__ = ["FaultyCells", "cells_of", "faulty_cells"]


@dataclass(frozen=True)
class FaultyCells:
    """Values of a stored tensor that faults may change; they need not differ."""

    positions: Numbers
    """Their flat positions in the tensor, ``(values,)``."""
    at: Tensor
    """Their cells in the tensor's memory, in elements."""
    saved: Tensor
    """The fault-free values."""
    faulty: Tensor
    """The faulty values."""


def faulty_cells(hits: Hits, stored: Tensor, memory: Tensor) -> FaultyCells:
    """The values of a stored tensor with faults in its codes, check bits and scale.

    ``memory`` is the tensor's whole memory as one dimension. Faults in codes and check bits come
    before those in the scale, by which all values are multiplied.
    """

    def read(positions: Numbers) -> Tensor:
        return memory[torch.from_numpy(cells_of(positions, stored)).to(stored.device)]

    in_scale = hits.in_plane("scale")
    parts = [_in_codes(some, stored, read) for some in hits.some(~in_scale).by_format()]
    if len(parts) == 1:
        positions, faulty = parts[0]
    else:
        positions = np.concatenate([np.zeros(0, np.int64), *(part[0] for part in parts)])
        faulty = torch.cat([memory[:0], *(part[1] for part in parts)])
    if in_scale.any():
        # Cells rather than values, as values of an expanded tensor share cells.
        _, every = np.unique(cells_of(np.arange(stored.numel()), stored), return_index=True)
        values = read(every)
        # Values whose code is faulty are among them, or share the cell of one that is.
        own = np.searchsorted(cells_of(every, stored), cells_of(positions, stored))
        values[torch.from_numpy(own).to(stored.device)] = faulty
        positions, faulty = every, rescaled(values, every, hits.some(in_scale))
    at = torch.from_numpy(cells_of(positions, stored)).to(stored.device)
    return FaultyCells(positions, at, memory[at], faulty)


def _in_codes(
    hits: Hits, stored: Tensor, read: Callable[[Numbers], Tensor]
) -> tuple[Numbers, Tensor]:
    """The positions and the faulty values of a tensor with faults in words of one format."""
    if not hits.regions[hits.places[0]].format.by_word:
        coded = decode_blocks(hits, read)
        return coded.positions[coded.changed.cpu().numpy()], coded.values[coded.changed]
    # By cell: positions of an expanded tensor that share one are the same word.
    first, rounds = in_rounds(cells_of(hits.words, stored), hits)
    positions = hits.words[first]
    return positions, corrupted(read(positions), positions, rounds)


def cells_of(words: Numbers, stored: Tensor) -> Numbers:
    """The offsets of a tensor's words in its memory, in elements."""
    if stored.is_contiguous():
        return words + np.int64(int(stored.storage_offset()))
    cells = np.full(len(words), stored.storage_offset(), np.int64)
    if stored.ndim:
        for index, stride in zip(
            np.unravel_index(words, tuple(stored.shape)), stored.stride(), strict=True
        ):
            cells += index * stride
    return cells
