"""How are faults injected into one tensor?"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.injection.corruption import Hits, corrupted, in_rounds
from radhard.injection.faulty_cells import faulty_cells
from radhard.internals import version
from radhard.space import Numbers, Region
from radhard.state import State
from radhard.targets import Site

__all__ = ["TensorInjection", "WrittenWords", "check_site", "write"]


class _Injection(Protocol):
    """The attributes of an injection that `TensorInjection` uses."""

    rows: Sequence[int] | None
    state: State | None
    undo: list[Callable[[], None]]


@dataclass
class TensorInjection:
    """The faults in one tensor.

    Each lies in a word of one of the ``regions`` of a space, whose position is in ``places``.
    """

    regions: Sequence[Region]
    places: Numbers
    words: Numbers
    variants: Numbers
    injection: _Injection
    arrivals: int = 0
    changed: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Flat positions of the values of a stored tensor that differ because of the faults."""
    lost: bool = False
    """Whether faulty words of a parameter were written to while the faults were present."""
    _in_batches: set[int] = field(default_factory=set)
    """The samples with faults that were in a batch."""

    @property
    def missed_samples(self) -> list[int]:
        """The samples with faults that were in no batch, ascending; none of a stored tensor."""
        found = set[int]()
        for place in np.unique(self.places).tolist():
            region = self.regions[place]
            if region.site.samples is not None:
                words = self.words[self.places == place]
                found.update((words // math.prod(region.shape)).tolist())
        return sorted(found - self._in_batches)

    @property
    def site(self) -> Site:
        """The tensor."""
        region: Region = self.regions[self.places[0]]
        return region.site

    @contextmanager
    def held(self, stored: Tensor) -> Iterator[None]:
        """Inject the faults into a stored tensor, in place; then restore its words bit for bit."""
        check_site(self.site, stored)
        # Inference tensors can be written only in inference mode; other tensors can be as well.
        with torch.inference_mode():
            extent = stored.untyped_storage().nbytes() // stored.element_size()
            memory = stored.as_strided((extent,), (1,), 0)
            hits = Hits(self.regions, self.places, self.words, self.variants)
            cells = faulty_cells(hits, stored, memory)
            self.changed = cells.positions[_differ(cells.saved, cells.faulty).cpu().numpy()]
        state = self.injection.state
        written = WrittenWords(stored, memory, cells.at, cells.saved, state)

        def restore() -> None:
            if state is None and self.site.role != "buffer" and not written.restored:
                self.lost = self.lost or not _same(memory, cells.at, cells.faulty)
            written.restore()

        # Also registered with the injection, which undoes everything in reverse order, and twice in
        # case Ctrl-C interrupts it.
        self.injection.undo.append(restore)
        try:
            written.write(cells.faulty)
            self.arrivals += 1
            yield
        finally:
            restore()

    def apply_to(self, flowing: Tensor) -> None:
        """Inject the faults into the values ``(samples, ...)`` of one pass, in place."""
        self._apply_to_part(flowing, 0, self.site.shape)

    @property
    def faulty_rows(self) -> list[int]:
        """The indices of the site's first axis at which there are faults, ascending."""
        inner = self.words % math.prod(self.site.shape)
        return sorted(set((inner // math.prod(self.site.shape[1:])).tolist()))

    def apply_to_row(self, flowing: Tensor, row: int) -> None:
        """Inject into the values ``(samples, ...)`` at one index of the site's first axis."""
        self._apply_to_part(flowing, row, self.site.shape[1:])

    @property
    def faulty_words(self) -> list[int]:
        """The flat positions in the site's shape at which there are faults, ascending."""
        return sorted(set((self.words % math.prod(self.site.shape)).tolist()))

    def corrupted_word(self, values: Tensor, word: int) -> Tensor:
        """What becomes of values ``(samples, ...)`` that are all written to one word."""
        self.arrivals += 1
        rows, hits = self._by_row(len(values))
        faulty = values.clone()
        waiting = np.flatnonzero(hits.words == word)
        while len(waiting):
            # Those of different rows together, but several faults of a row in the order given.
            _, first = np.unique(rows[waiting], return_index=True)
            now = waiting[np.sort(first)]
            for place in np.unique(hits.places[now]).tolist():
                mine = now[hits.places[now] == place]
                of = torch.from_numpy(rows[mine])
                held = faulty[of]
                variants = torch.from_numpy(hits.variants[mine])
                each = variants.repeat_interleave(held.numel() // len(held))
                values = hits.regions[place].faulty(held.reshape(-1), torch.zeros_like(each), each)
                faulty[of] = values.reshape(held.shape)
            waiting = np.setdiff1d(waiting, now)
        return faulty

    def _apply_to_part(self, flowing: Tensor, number: int, shape: tuple[int, ...]) -> None:
        """Inject into one of the parts of this shape that the site consists of."""
        sample = tuple(flowing.shape[1:])
        _check_shape(self.site, sample, flowing.dtype, "a sample in this pass", shape)
        self.arrivals += 1
        rows, hits = self._by_row(len(flowing))
        size, device = math.prod(shape), flowing.device
        if shape != self.site.shape:
            here = hits.words // size == number
            rows, hits = rows[here], hits.some(here)
        # Words are numbered within a sample of all parts; here, within the batch of this part.
        words = rows * size + hits.words % size
        if words.size:
            first, rounds = in_rounds(words, hits)
            index = np.unravel_index(words[first], (len(flowing), *shape))
            at = tuple(torch.from_numpy(i).to(device) for i in index)
            with torch.no_grad():
                flowing[at] = corrupted(flowing[at], hits.words[first], rounds)

    def _by_row(self, size: int) -> tuple[Numbers, Hits]:
        """The faults in the rows of a flowing tensor, and the row of each."""
        samples = range(size) if self.injection.rows is None else self.injection.rows
        position = {sample: row for row, sample in enumerate(samples) if row < size}
        rows, words, which = [], [], []
        for place in np.unique(self.places).tolist():
            region, mine = self.regions[place], np.flatnonzero(self.places == place)
            if region.site.samples is None:
                rows.append(np.repeat(np.arange(size), len(mine)))
                words.append(np.tile(self.words[mine], size))
                which.append(np.tile(mine, size))
            else:
                sample, inner = np.divmod(self.words[mine], math.prod(region.shape))
                row = np.array([position.get(s, -1) for s in sample.tolist()], dtype=np.int64)
                here = row >= 0
                self._in_batches.update(sample[here].tolist())
                rows.append(row[here])
                words.append(inner[here])
                which.append(mine[here])
        # In the order given, in which faults in one word are applied.
        number = np.concatenate(which)
        order = np.argsort(number, kind="stable")
        number = number[order]
        hits = Hits(
            self.regions,
            self.places[number],
            np.concatenate(words)[order],
            self.variants[number],
        )
        return np.concatenate(rows)[order], hits


class WrittenWords:
    """Faulty words in the memory of a stored tensor, until they are restored."""

    def __init__(
        self, stored: Tensor, memory: Tensor, at: Tensor, saved: Tensor, state: State | None
    ) -> None:
        self._stored, self._memory, self._at, self._saved = stored, memory, at, saved
        self._state = state
        self._before, self._after = version(stored), -1
        self.restored = False

    def write(self, faulty: Tensor) -> None:
        """Write the faulty values."""
        write(self._memory, self._at, faulty)
        self._after = version(self._stored)

    def restore(self) -> None:
        """Write the fault-free values; a second call has no effect."""
        if self.restored:
            return
        # If nothing else wrote to the tensor, it is as before once the words are restored, and
        # `State` need not look at it or restore it as a whole.
        undisturbed = self._state is not None and version(self._stored) == self._after
        write(self._memory, self._at, self._saved)
        if undisturbed and self._state is not None:
            self._state.renew(self._stored, self._before)
        self.restored = True


def check_site(site: Site, stored: Tensor) -> None:
    """Raise `InputError` unless a stored tensor has the shape and the type of its site."""
    _check_shape(site, tuple(stored.shape), stored.dtype, "in this model", site.shape)


def _check_shape(
    site: Site, shape: tuple[int, ...], dtype: torch.dtype, where: str, expected: tuple[int, ...]
) -> None:
    kind = str(dtype).removeprefix("torch.")
    if (shape, kind) != (expected, site.dtype):
        raise InputError(
            f"{site.name!r} is {kind} {shape} {where}, {site.dtype} {expected} in the fault space"
        )


def write(memory: Tensor, at: Tensor, values: Tensor) -> None:
    """Write some cells of a tensor's memory; also of inference tensors."""
    with torch.inference_mode():
        if memory.element_size() == 1:
            # torch does not write single elements of every dtype of 8 bits, but bytes.
            memory.view(torch.uint8)[at] = values.view(torch.uint8)
        else:
            memory[at] = values


def _differ(some: Tensor, others: Tensor) -> Tensor:
    """Which of some values differ from others in any bit, as a mask ``(values,)``."""
    # As bytes, because NaN differs from itself as a number, and 0.0 does not from -0.0.
    mine, theirs = (x.contiguous().view(torch.uint8) for x in (some, others))
    return (mine != theirs).reshape(len(some), some.element_size()).any(dim=1)


def _same(memory: Tensor, at: Tensor, values: Tensor) -> bool:
    """Whether cells of a tensor's memory hold these values, to the last bit."""
    with torch.inference_mode():
        held = memory[at]
        return held.view(torch.uint8).equal(values.view(torch.uint8))
