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
from radhard.formats import ProtectedFormat
from radhard.injection.coded_blocks import decode_blocks
from radhard.injection.corruption import Hits, corrupted, in_rounds, rescaled
from radhard.internals import version
from radhard.space import Numbers, Region
from radhard.state import State
from radhard.targets import Site

__all__ = ["Strikes", "write"]


class _Injection(Protocol):
    """The attributes of an injection that `Strikes` uses."""

    rows: Sequence[int] | None
    state: State | None
    undo: list[Callable[[], None]]


@dataclass
class Strikes:
    """The faults in one tensor.

    Each lies in a word of one of the ``regions`` of a space, whose position is in ``places``.
    """

    regions: Sequence[Region]
    places: Numbers
    words: Numbers
    variants: Numbers
    injection: _Injection
    fallen: int = 0
    changed: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Flat positions of the values of a stored tensor that differ because of the faults."""
    lost: bool = False
    """Whether faulty words of a parameter were written to while the faults were present."""

    @property
    def site(self) -> Site:
        """The tensor."""
        region: Region = self.regions[self.places[0]]
        return region.site

    @contextmanager
    def held(self, stored: Tensor) -> Iterator[None]:
        """Inject the faults into a stored tensor, in place; then restore its words bit for bit."""
        self._check_shape(tuple(stored.shape), stored.dtype, "in this model")
        # Inference tensors can be written only in inference mode; other tensors can be as well.
        with torch.inference_mode():
            extent = stored.untyped_storage().nbytes() // stored.element_size()
            memory = stored.as_strided((extent,), (1,), 0)
            positions, at, saved, faulty = self._struck(stored, memory)
            self.changed = positions[_differ(saved, faulty).cpu().numpy()]
        state = self.injection.state
        before, struck, done = version(stored), -1, False

        def restore() -> None:
            nonlocal done
            if done:
                return
            undisturbed = state is not None and version(stored) == struck
            if state is None and self.site.role != "buffer":
                self.lost = self.lost or not _same(memory, at, faulty)
            write(memory, at, saved)
            if undisturbed and state is not None:
                state.renew(stored, before)
            done = True

        # Also registered with the injection, which undoes everything in reverse order, and twice in
        # case Ctrl-C interrupts it.
        self.injection.undo.append(restore)
        try:
            write(memory, at, faulty)
            struck = version(stored)
            self.fallen += 1
            yield
        finally:
            restore()

    def fall_on(self, flowing: Tensor) -> None:
        """Inject the faults into the values ``(samples, ...)`` of one pass, in place."""
        self._check_shape(tuple(flowing.shape[1:]), flowing.dtype, "a sample in this pass")
        self.fallen += 1
        rows, hits = self._by_row(len(flowing))
        shape, device = self.site.shape, flowing.device
        words = rows * math.prod(shape) + hits.words
        if words.size:
            first, rounds = in_rounds(words, hits)
            index = np.unravel_index(words[first], (len(flowing), *shape))
            at = tuple(torch.from_numpy(i).to(device) for i in index)
            with torch.no_grad():
                flowing[at] = corrupted(flowing[at], hits.words[first], rounds)

    def _struck(self, stored: Tensor, memory: Tensor) -> tuple[Numbers, Tensor, Tensor, Tensor]:
        """The values of a stored tensor that faults may change.

        Their flat positions, their cells in the tensor's memory, the fault-free and the faulty
        values.
        """
        hits = Hits(self.regions, self.places, self.words, self.variants)
        in_scale = hits.in_plane("scale")
        format = hits.regions[hits.places[0]].format
        if isinstance(format, ProtectedFormat) and format.block > 1:
            return self._in_blocks(stored, memory, hits, in_scale)
        # Cells of memory rather than words: words of an expanded tensor share cells.
        if not in_scale.any():
            cells = _cells(self.words, stored)
            first, rounds = in_rounds(cells, hits)
            at = torch.from_numpy(cells[first]).to(stored.device)
            saved = memory[at]
            words = self.words[first]
            return words, at, saved, corrupted(saved, words, rounds)
        cells, first = np.unique(_cells(np.arange(stored.numel()), stored), return_index=True)
        own = np.searchsorted(cells, _cells(self.words[~in_scale], stored))
        at = torch.from_numpy(cells).to(stored.device)
        saved = memory[at]
        return first, at, saved, rescaled(saved, first, own, hits)

    def _in_blocks(
        self, stored: Tensor, memory: Tensor, hits: Hits, in_scale: np.ndarray
    ) -> tuple[Numbers, Tensor, Tensor, Tensor]:
        """The same for a format whose words are decoded in blocks."""
        device = stored.device

        def read(positions: Numbers) -> Tensor:
            return memory[torch.from_numpy(_cells(positions, stored)).to(device)]

        positions, faulty = np.zeros(0, np.int64), memory[:0]
        if not in_scale.all():
            coded = decode_blocks(hits.some(~in_scale), read)
            positions = coded.positions[coded.changed.cpu().numpy()]
            faulty = coded.values[coded.changed]
        if in_scale.any():
            every = np.arange(stored.numel())
            values = read(every)
            values[torch.from_numpy(positions).to(device)] = faulty
            positions, none = every, np.zeros(0, np.int64)
            faulty = rescaled(values, every, none, hits.some(in_scale))
        at = torch.from_numpy(_cells(positions, stored)).to(device)
        return positions, at, memory[at], faulty

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

    def _check_shape(self, shape: tuple[int, ...], dtype: torch.dtype, where: str) -> None:
        kind = str(dtype).removeprefix("torch.")
        if (shape, kind) != (self.site.shape, self.site.dtype):
            raise InputError(
                f"{self.site.name!r} is {kind} {shape} {where}, "
                f"{self.site.dtype} {self.site.shape} in the fault space"
            )


def _cells(words: Numbers, stored: Tensor) -> Numbers:
    """The offsets of a tensor's words in its memory, in elements."""
    cells = np.full(len(words), stored.storage_offset(), np.int64)
    if stored.ndim:
        for index, stride in zip(
            np.unravel_index(words, tuple(stored.shape)), stored.stride(), strict=True
        ):
            cells += index * stride
    return cells


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
    pairs = [x.contiguous().view(torch.uint8).reshape(len(x), -1) for x in (some, others)]
    return (pairs[0] != pairs[1]).any(dim=1)


def _same(memory: Tensor, at: Tensor, values: Tensor) -> bool:
    """Whether cells of a tensor's memory hold these values, to the last bit."""
    with torch.inference_mode():
        held = memory[at]
        return held.view(torch.uint8).equal(values.view(torch.uint8))
