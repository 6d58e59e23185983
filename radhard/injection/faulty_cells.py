"""Which cells of a stored tensor's memory do faults change, and to what?"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.injection.coded_blocks import decode_blocks
from radhard.injection.corruption import Hits, corrupted, in_rounds, rescaled
from radhard.space import Numbers

__all__ = ["FaultyCells", "cells_of", "faulty_cells", "faulty_codes"]


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


@dataclass(frozen=True)
class CodesOfTrials:
    """Values of a stored tensor that faults in its codes and check bits may change."""

    trials: Numbers
    """The trial of each value, ``(values,)``; all 0 without trials."""
    positions: Numbers
    """Their flat positions in the tensor, ``(values,)``."""
    faulty: Tensor
    """The faulty values."""


def faulty_cells(hits: Hits, stored: Tensor, memory: Tensor) -> FaultyCells:
    """The values of a stored tensor with faults in its codes, check bits and scale.

    ``memory`` is the tensor's whole memory as one dimension. Faults in codes and check bits come
    before those in the scale, by which all values are multiplied.
    """
    in_scale = hits.in_plane("scale")
    codes = faulty_codes(hits.some(~in_scale), stored, memory)
    positions, faulty = codes.positions, codes.faulty
    if in_scale.any():
        # Cells rather than values, as values of an expanded tensor share cells.
        _, every = np.unique(cells_of(np.arange(stored.numel()), stored), return_index=True)
        values = memory[torch.from_numpy(cells_of(every, stored)).to(stored.device)]
        # Values whose code is faulty are among them, or share the cell of one that is.
        own = np.searchsorted(cells_of(every, stored), cells_of(positions, stored))
        values[torch.from_numpy(own).to(stored.device)] = faulty
        positions, faulty = every, rescaled(values, every, hits.some(in_scale))
    at = torch.from_numpy(cells_of(positions, stored)).to(stored.device)
    return FaultyCells(positions, at, memory[at], faulty)


def faulty_codes(
    hits: Hits, stored: Tensor, memory: Tensor, trials: Numbers | None = None
) -> CodesOfTrials:
    """The values of a stored tensor with faults in its codes and check bits.

    ``trials``: the trial of each fault; faults of different trials never meet in a word or block.
    """
    owners = np.zeros(len(hits.places), np.int64) if trials is None else trials
    parts = [_in_codes(hits.some(here), stored, memory, owners[here]) for here in hits.by_format()]
    if len(parts) == 1:
        return parts[0]
    none = np.zeros(0, np.int64)
    return CodesOfTrials(
        np.concatenate([none, *(part.trials for part in parts)]),
        np.concatenate([none, *(part.positions for part in parts)]),
        torch.cat([memory[:0], *(part.faulty for part in parts)]),
    )


def _in_codes(hits: Hits, stored: Tensor, memory: Tensor, trials: Numbers) -> CodesOfTrials:
    """The faulty values of a tensor with faults in words of one format."""

    def read(positions: Numbers) -> Tensor:
        return memory[torch.from_numpy(cells_of(positions, stored)).to(stored.device)]

    if not hits.regions[hits.places[0]].format.by_word:
        coded = decode_blocks(hits, read, trials)
        changed = coded.changed.cpu().numpy()
        owners = np.zeros(len(changed), np.int64)
        owners[coded.of_fault] = trials
        return CodesOfTrials(
            np.broadcast_to(owners[:, None], changed.shape)[changed],
            coded.positions[changed],
            coded.values[coded.changed],
        )
    # By cell: positions of an expanded tensor that share one are the same word.
    first, rounds = in_rounds(trials * len(memory) + cells_of(hits.words, stored), hits)
    positions = hits.words[first]
    return CodesOfTrials(trials[first], positions, corrupted(read(positions), positions, rounds))


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
