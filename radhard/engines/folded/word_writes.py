"""How are many faults written into the stored tensors of a graph, and removed again?"""

import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.injection import cells_of, write
from radhard.space import FaultSpace, Numbers, Region

__all__ = ["WordWrites"]


@dataclass(frozen=True)
class _Memory:
    """A tensor that holds a site, and all of its memory as one dimension."""

    slot: int
    tensor: Tensor
    cells: Tensor


class WordWrites:
    """Writes faults that change one value each, those of a whole trial at a time.

    `radhard.injection` takes any fault, tensor by tensor. Where the values do not depend on a scale
    or on each other, and every word has one fault, those of all tensors are encoded, corrupted and
    decoded together: in small networks, this takes longer than the pass. ``tensors`` holds the
    tensor of each slot, ``slots`` those of each region.
    """

    def __init__(
        self, space: FaultSpace, slots: Sequence[tuple[int, ...]], tensors: Mapping[int, Tensor]
    ) -> None:
        self._space = space
        self._kinds = np.full(len(space.regions), -1)
        self._memories: dict[int, list[_Memory]] = {}
        known: list[tuple[object, ...]] = []
        for place, region in enumerate(space.regions):
            if not slots[place] or not _is_plain(region) or slots[place][0] not in tensors:
                continue
            kind = (region.format, region.fault, region.site.dtype)
            if kind not in known:
                known.append(kind)
            self._kinds[place] = known.index(kind)
            self._memories[place] = [_memory(slot, tensors[slot]) for slot in slots[place]]

    def inject(self, faults: Numbers, stack: ExitStack) -> dict[int, Numbers] | None:
        """Inject faults until the stack is closed.

        Returns the positions of the values that differ, for each slot with any; None if the faults
        are not such, in which case nothing is written.
        """
        space = self._space
        places, words, variants = space.locate(faults)
        kinds = self._kinds[places]
        # Words of different formats, fault models or dtypes cannot be decoded together.
        if len(places) == 0 or kinds[0] < 0 or not (kinds == kinds[0]).all():
            return None
        tensors = space.tensors[places]
        # By tensor, then by word: equal neighbours are several faults in one word.
        order = np.lexsort((words, tensors))
        places, words, variants, tensors = (
            part[order] for part in (places, words, variants, tensors)
        )
        same = tensors[1:] == tensors[:-1]
        if (same & (words[1:] == words[:-1])).any():
            return None  # faults in one word are applied one after another
        edges = [0, *(np.flatnonzero(~same) + 1).tolist(), len(places)]
        parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
        # Tied copies of a tensor hold the same values, so that the first tells what to write into
        # all.
        firsts = [self._memories[int(places[part.start])][0] for part in parts]
        cells = [_at(one, words[part]) for one, part in zip(firsts, parts, strict=True)]
        golden = torch.cat([one.cells[at] for one, at in zip(firsts, cells, strict=True)])
        region = space.regions[int(places[0])]
        # Which word a value is of does not matter without a scale.
        faulty = region.faulty(golden, torch.from_numpy(words), torch.from_numpy(variants))
        # As bytes, as NaN differs from itself as a number and 0.0 does not from -0.0.
        size = golden.element_size()
        pair = (golden.view(torch.uint8), faulty.view(torch.uint8))
        differs = (pair[0] != pair[1]).view(-1, size).any(dim=1).cpu().numpy()
        changed: dict[int, Numbers] = {}
        for part in parts:
            if not differs[part].any():
                continue
            for memory in self._memories[int(places[part.start])]:
                here = _at(memory, words[part])
                stack.callback(write, memory.cells, here, golden[part])
                write(memory.cells, here, faulty[part])
                changed[memory.slot] = words[part][differs[part]]
        return changed


def _is_plain(region: Region) -> bool:
    return region.by_word and not region.format.has_scale


def _memory(slot: int, tensor: Tensor) -> _Memory:
    # All of the storage, also in front of and between the elements of a view, so that a position in
    # memory is an index.
    extent = tensor.untyped_storage().nbytes() // tensor.element_size()
    return _Memory(slot, tensor, tensor.as_strided((extent,), (1,), 0))


def _at(memory: _Memory, words: Numbers) -> Tensor:
    return torch.from_numpy(cells_of(words, memory.tensor)).to(memory.tensor.device)
