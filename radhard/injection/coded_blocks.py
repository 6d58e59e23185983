"""What does the decoder of a protected format make of faults in its words?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.formats import CLEAN, CORRECTED, DETECTED, ProtectedFormat, StoredBlocks
from radhard.injection.corruption import Hits, in_rounds
from radhard.space import Numbers

__all__ = ["OUTCOMES", "CodedBlocks", "decode_blocks"]

OUTCOMES = ("corrected", "miscorrected", "detected", "silent")
"""What can become of a block with faults, apart from none of its bits being wrong."""


@dataclass(frozen=True)
class CodedBlocks:
    """Blocks of one tensor with faults, after decoding."""

    of_fault: Numbers
    """The block of each fault, an index into the others, ``(faults,)``."""
    positions: Numbers
    """Flat positions of the values of each block in the tensor, ``(blocks, block)``."""
    changed: Tensor
    """Which values differ from the fault-free ones, ``(blocks, block)``."""
    values: Tensor
    """The values that the model reads, ``(blocks, block)``; those that do not differ are kept."""
    flags: Tensor
    """What the decoder reports, `CLEAN`, `CORRECTED` or `DETECTED`, ``(blocks,)``."""

    @property
    def outcomes(self) -> np.ndarray:
        """For each block whether each of `OUTCOMES` applies, ``(blocks, 4)``, at most one."""
        wrong = self.changed.any(dim=1)
        found = (
            (self.flags == CORRECTED) & ~wrong,
            (self.flags == CORRECTED) & wrong,
            self.flags == DETECTED,
            (self.flags == CLEAN) & wrong,
        )
        return torch.stack(found, dim=1).cpu().numpy()


def decode_blocks(
    hits: Hits, read: Callable[[Numbers], Tensor], trials: Numbers | None = None
) -> CodedBlocks:
    """Encode the blocks with faults, apply the faults to the stored words, and decode them.

    ``hits`` are faults in one tensor of a protected format, not in its scale. ``read`` returns the
    fault-free values at flat positions of the tensor. ``trials``: the trial of each fault; faults
    of different trials never meet in a block. Only blocks with faults are encoded, so that the time
    does not depend on the size of the tensor.
    """
    region = hits.regions[hits.places[0]]
    format, site = region.format, region.site
    assert isinstance(format, ProtectedFormat)
    size, total = format.block, int(np.prod(site.shape, dtype=np.int64))
    checks = hits.in_plane("check")
    # A check word has the number of its block, and its cell is behind those of the values.
    block = np.where(checks, hits.words, hits.words // size)
    column = np.where(checks, size, hits.words % size)
    blocks = -(-total // size)
    key = block if trials is None else trials * blocks + block
    _, first, of_fault = np.unique(key, return_index=True, return_inverse=True)
    positions = block[first][:, None] * size + np.arange(size)
    # The last block of a tensor is completed by words of zeros.
    inside = positions < total
    # Any position will do for these: their words become zeros after the values are encoded.
    positions = np.where(inside, positions, total - 1)
    values = read(positions.reshape(-1)).reshape(positions.shape)
    device = values.device
    flat = torch.from_numpy(positions.reshape(-1)).to(device)
    fitted = format.inner.take(flat, site.shape)
    real = torch.from_numpy(inside).to(device)
    inner = fitted.encode(values.reshape(-1)).reshape(positions.shape).masked_fill(~real, 0)
    before = format.protect(inner)
    cells = before.codes
    if before.check is not None:
        cells = torch.cat([cells, before.check[:, None]], dim=1)
    after = _corrupted(cells, of_fault * cells.shape[1] + column, hits)
    stored = StoredBlocks(after[:, :size], None if before.check is None else after[:, size])
    # Compared with what is decoded without faults: codes in the mantissa do not return the bits
    # that they replace.
    clean, faulty = format.recover(before), format.recover(stored)
    changed = (faulty.codes != clean.codes) & real
    wrong = fitted.decode(faulty.codes.reshape(-1)).reshape(positions.shape).to(values.dtype)
    return CodedBlocks(
        of_fault, positions, changed, torch.where(changed, wrong, values), faulty.flags
    )


def _corrupted(cells: Tensor, at: Numbers, hits: Hits) -> Tensor:
    """Words ``(blocks, words)`` after faults; ``at`` is the flat position of the word of each."""
    flat = cells.reshape(-1).clone()
    first, rounds = in_rounds(at, hits)
    words = torch.from_numpy(at[first]).to(cells.device)
    for which, region, variants in rounds:
        here = words[torch.from_numpy(which).to(cells.device)]
        by = torch.from_numpy(variants).to(cells.device)
        values = torch.from_numpy(hits.words[first][which]).to(cells.device)
        word = region.word.take(values, region.site.shape)
        flat[here] = region.fault.corrupt(flat[here], by, word)
    return flat.reshape(cells.shape)
