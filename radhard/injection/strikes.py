"""How is one tensor struck by the faults that lie in it?"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults import FaultModel
from radhard.formats import Format
from radhard.internals import version
from radhard.space import Numbers
from radhard.state import State
from radhard.targets import Site

__all__ = ["Strikes", "write"]


class _Injection(Protocol):
    """What strikes need to know of the injection that they belong to."""

    rows: Sequence[int] | None
    state: State | None
    undo: list[Callable[[], None]]


@dataclass
class Strikes:
    """The faults that strike one site."""

    site: Site
    fault: FaultModel
    format: Format
    words: Numbers
    variants: Numbers
    injection: _Injection
    fallen: int = 0
    lost: bool = False
    """Whether somebody wrote to struck words of a parameter while the fault was in them."""

    @contextmanager
    def held(self, stored: Tensor) -> Iterator[None]:
        """The faults in a stored tensor, in place; the words come back bit for bit."""
        self._demand(tuple(stored.shape), stored.dtype, "in this model")
        # Cells of memory rather than words: words of an expanded tensor share theirs.
        cells = _cells(self.words, stored)
        first, rounds = _rounds(cells, self.variants)
        # Inference tensors may only be written in inference mode, and others may there too.
        with torch.inference_mode():
            extent = stored.untyped_storage().nbytes() // stored.element_size()
            memory = stored.as_strided((extent,), (1,), 0)
            at = torch.from_numpy(cells[first]).to(stored.device)
            saved = memory[at]
            faulty = self._corrupted(saved, self.words[first], rounds)
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

        # Known to the injection too, which undoes everything twice and in one order.
        self.injection.undo.append(restore)
        try:
            write(memory, at, faulty)
            struck = version(stored)
            self.fallen += 1
            yield
        finally:
            restore()

    def fall_on(self, flowing: Tensor) -> None:
        """Write the faults into the activations ``(samples, ...)`` of one pass, in place."""
        self._demand(tuple(flowing.shape[1:]), flowing.dtype, "a sample in this pass")
        self.fallen += 1
        size = len(flowing)
        per_row = math.prod(self.site.shape)
        if self.site.samples is None:
            words = (np.arange(size)[:, None] * per_row + self.words).ravel()
            variants = np.tile(self.variants, size)
        else:
            rows = range(size) if self.injection.rows is None else self.injection.rows
            position = {sample: row for row, sample in enumerate(rows)}
            samples, inner = np.divmod(self.words, per_row)
            row = np.array([position.get(s, -1) for s in samples.tolist()], dtype=np.int64)
            here = (row >= 0) & (row < size)
            words, variants = row[here] * per_row + inner[here], self.variants[here]
        if words.size:
            first, rounds = _rounds(words, variants)
            index = np.unravel_index(words[first], (size, *self.site.shape))
            at = tuple(torch.from_numpy(i).to(flowing.device) for i in index)
            with torch.no_grad():
                flowing[at] = self._corrupted(flowing[at], words[first] % per_row, rounds)

    def _demand(self, shape: tuple[int, ...], dtype: torch.dtype, where: str) -> None:
        kind = str(dtype).removeprefix("torch.")
        if (shape, kind) != (self.site.shape, self.site.dtype):
            raise InputError(
                f"{self.site.name!r} is {kind} {shape} {where}, "
                f"{self.site.dtype} {self.site.shape} in the fault space"
            )

    def _corrupted(self, values: Tensor, words: Numbers, rounds: "Rounds") -> Tensor:
        device = values.device
        format = self.format.take(torch.from_numpy(words).to(device), self.site.shape)
        before = format.encode(values)
        codes = before
        for which, variants in rounds:
            at = torch.from_numpy(which).to(device)
            struck = torch.from_numpy(variants).to(device)
            codes = codes.index_copy(0, at, self.fault.corrupt(codes[at], struck, format))
        # A word whose bits did not change keeps its value to the last bit.
        return torch.where(codes == before, values, format.decode(codes).to(values.dtype))


Rounds = list[tuple[Numbers, Numbers]]
"""Positions among the distinct words, and the variants that strike them; each once a round."""


def _rounds(words: Numbers, variants: Numbers) -> tuple[Numbers, Rounds]:
    """Where each distinct word comes first; the faults in rounds that strike no word twice."""
    if len(words) == 1:
        return np.zeros(1, np.int64), [(np.zeros(1, np.int64), variants)]
    _, first, which = np.unique(words, return_index=True, return_inverse=True)
    turn = np.zeros(len(words), np.int64)
    order = np.argsort(which, kind="stable")
    start = np.searchsorted(which[order], np.arange(len(first)))
    turn[order] = np.arange(len(words)) - start[which[order]]
    return first, [(which[turn == t], variants[turn == t]) for t in range(turn.max(initial=-1) + 1)]


def _cells(words: Numbers, stored: Tensor) -> Numbers:
    """Where in a tensor's memory its words lie, in elements from the start."""
    cells = np.full(len(words), stored.storage_offset(), np.int64)
    if stored.ndim:
        for index, stride in zip(
            np.unravel_index(words, tuple(stored.shape)), stored.stride(), strict=True
        ):
            cells += index * stride
    return cells


def write(memory: Tensor, at: Tensor, values: Tensor) -> None:
    """Write some cells of a memory; inference tensors too."""
    with torch.inference_mode():
        memory[at] = values


def _same(memory: Tensor, at: Tensor, values: Tensor) -> bool:
    """Whether cells of a memory hold these values, to the last bit."""
    with torch.inference_mode():
        held = memory[at]
        return held.view(torch.uint8).equal(values.view(torch.uint8))
