"""How are many faults written into the stored tensors of a graph, and removed again?"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.injection import Hits, cells_of, corrupted, in_rounds, write
from radhard.space import FaultSpace, Numbers, Region

__all__ = ["FaultyWords", "TrialWrites", "WordWrites"]


@dataclass(frozen=True)
class Memory:
    """A tensor that holds a site, and all of its memory as one dimension."""

    slot: int
    tensor: Tensor
    cells: Tensor


@dataclass(frozen=True)
class TensorWords:
    """The words of a tensor that differ in some trials, trial after trial."""

    memories: Sequence[Memory]
    """All tensors that hold the site."""
    trial: Numbers
    words: Numbers
    golden: Tensor
    faulty: Tensor

    def cells(self, memory: Memory) -> Tensor:
        """The positions of the words in the memory of one of the tensors."""
        return torch.from_numpy(cells_of(self.words, memory.tensor)).to(memory.tensor.device)

    def of(self, first: int, last: int) -> "TensorWords":
        """Those of the trials ``first`` to ``last - 1``."""
        at = slice(*np.searchsorted(self.trial, [first, last]).tolist())
        return TensorWords(
            self.memories, self.trial[at], self.words[at], self.golden[at], self.faulty[at]
        )


@dataclass(frozen=True)
class Write:
    """The words of one tensor that a trial writes."""

    memory: Memory
    words: Numbers
    at: Tensor
    golden: Tensor
    faulty: Tensor


@dataclass(frozen=True)
class TrialWrites:
    """The words of all tensors that one trial writes."""

    writes: Sequence[Write]

    def write(self, stack: ExitStack) -> dict[int, Numbers]:
        """Write them until the stack is closed; the positions, by slot."""
        for one in self.writes:
            stack.callback(write, one.memory.cells, one.at, one.golden)
            write(one.memory.cells, one.at, one.faulty)
        return {one.memory.slot: one.words for one in self.writes}


@dataclass(frozen=True)
class FaultyWords:
    """The words of all tensors that differ in some trials, numbered from 0."""

    parts: Sequence[TensorWords]

    def of(self, first: int, last: int) -> "FaultyWords":
        """Those of the trials ``first`` to ``last - 1``."""
        parts = [part.of(first, last) for part in self.parts]
        return FaultyWords([part for part in parts if len(part.words)])

    def by_trial(self, count: int) -> list[TrialWrites]:
        """Those of each of ``count`` trials, made at once: one by one this takes far longer."""
        found: list[list[Write]] = [[] for _ in range(count)]
        for part in self.parts:
            trials, sizes = np.unique(part.trial, return_counts=True)
            counts = sizes.tolist()
            words = np.split(part.words, np.cumsum(sizes)[:-1])
            golden, faulty = torch.split(part.golden, counts), torch.split(part.faulty, counts)
            for memory in part.memories:
                at = torch.split(part.cells(memory), counts)
                for number, trial in enumerate(trials.tolist()):
                    own = Write(memory, words[number], at[number], golden[number], faulty[number])
                    found[trial].append(own)
        return [TrialWrites(writes) for writes in found]


class WordWrites:
    """Computes and writes faults that change one value each, those of whole trials at a time.

    `radhard.injection` takes any fault, tensor by tensor. Where the values do not depend on a scale
    or on each other, those of all tensors and of many trials are encoded, corrupted and decoded
    together: in small networks, this takes longer than the pass. ``tensors`` holds the tensor of
    each slot, ``slots`` those of each region.
    """

    def __init__(
        self, space: FaultSpace, slots: Sequence[tuple[int, ...]], tensors: Mapping[int, Tensor]
    ) -> None:
        self._space = space
        self._kinds = np.full(len(space.regions), -1)
        self._memories: dict[int, list[Memory]] = {}
        """Of each tensor of the space."""
        known: list[tuple[object, ...]] = []
        for place, region in enumerate(space.regions):
            if not slots[place] or not _is_plain(region) or slots[place][0] not in tensors:
                continue
            kind = (region.format, region.fault, region.site.dtype)
            if kind not in known:
                known.append(kind)
            self._kinds[place] = known.index(kind)
            memories = [_memory(slot, tensors[slot]) for slot in slots[place]]
            self._memories[int(space.tensors[place])] = memories

    def values(self, trials: Sequence[Numbers]) -> FaultyWords | None:
        """The words that differ in each trial; None if some of the faults are not such.

        ``trials`` are the faults of each. Those in one word are applied one after another.
        """
        space = self._space
        owner = np.repeat(np.arange(len(trials)), [len(faults) for faults in trials])
        places, words, variants = space.locate(np.concatenate(trials))
        kinds = self._kinds[places]
        # Words of different formats, fault models or dtypes cannot be decoded together.
        if len(places) == 0 or kinds[0] < 0 or not (kinds == kinds[0]).all():
            return None
        tensors = space.tensors[places]
        # In the order of the keys, those of a trial, and in it those of a tensor, are together.
        size = int(words.max()) + 1
        key = (owner * (int(tensors.max()) + 1) + tensors) * size + words
        # Which word a value is of does not matter without a scale, nor which region it is of.
        hits = Hits(space.regions, np.full(len(places), places[0]), words, variants)
        first, rounds = in_rounds(key, hits)
        owner, words, tensors = owner[first], words[first], tensors[first]
        found = [(tensor, np.flatnonzero(tensors == tensor)) for tensor in np.unique(tensors)]
        parts = []
        for tensor, here in found:
            # Tied copies of a tensor hold the same values: the first tells what to write into all.
            memory = self._memories[int(tensor)][0]
            at = torch.from_numpy(cells_of(words[here], memory.tensor)).to(memory.tensor.device)
            parts.append(memory.cells[at])
        order = np.argsort(np.concatenate([here for _, here in found]), kind="stable")
        back = torch.from_numpy(order).to(parts[0].device)
        golden = torch.cat(parts)[back]
        faulty = corrupted(golden, words, rounds)
        # As bytes, as NaN differs from itself as a number and 0.0 does not from -0.0.
        pair = (golden.view(torch.uint8), faulty.view(torch.uint8))
        differs = (pair[0] != pair[1]).view(-1, golden.element_size()).any(dim=1).cpu().numpy()
        results = []
        for tensor, here in found:
            mine = here[differs[here]]
            if len(mine):
                at = torch.from_numpy(mine).to(golden.device)
                results.append(
                    TensorWords(
                        self._memories[int(tensor)],
                        owner[mine],
                        words[mine],
                        golden[at],
                        faulty[at],
                    )
                )
        return FaultyWords(results)

    def inject(self, faults: Numbers, stack: ExitStack) -> dict[int, Numbers] | None:
        """Inject the faults of a trial until the stack is closed.

        Returns the positions of the values that differ, for each slot with any; None if the faults
        are not such, in which case nothing is written.
        """
        found = self.values([faults])
        return None if found is None else found.by_trial(1)[0].write(stack)


def _is_plain(region: Region) -> bool:
    return region.by_word and not region.format.has_scale


def _memory(slot: int, tensor: Tensor) -> Memory:
    # All of the storage, also in front of and between the elements of a view, so that a position in
    # memory is an index.
    extent = tensor.untyped_storage().nbytes() // tensor.element_size()
    return Memory(slot, tensor, tensor.as_strided((extent,), (1,), 0))
