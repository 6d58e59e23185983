"""How does a fault get into a model, and out again?"""

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.faults import FaultModel
from radhard.formats import Format
from radhard.module import eager, module_of
from radhard.space import Fault, FaultSpace, Numbers
from radhard.targets import Site

__all__ = ["Injection", "Strikes", "inject", "injecting", "numbered", "overwrite"]

_INNERMOST: ContextVar[ExitStack | None] = ContextVar("innermost open injection", default=None)


@dataclass
class Injection:
    """What an open `inject` has done so far."""

    rows: Sequence[int] | None = None
    """The numbers of the samples that the next batch holds, in order; None: ``0, 1, 2, ...``.

    Matters to faults that strike single samples only; may be set before each batch.
    """
    strikes: list["Strikes"] = field(default_factory=list)

    @property
    def reached(self) -> bool:
        """Whether every struck tensor has been reached; one that flows is when it is computed."""
        return all(strike.fallen for strike in self.strikes)


@contextmanager
def inject(
    model: nn.Module,
    space: FaultSpace,
    faults: int | Fault | Iterable[int | Fault] | Numbers,
) -> Iterator[Injection]:
    """The model with these faults in it while open; bit for bit as it was afterwards.

    Only the struck words change, in place; nothing is copied but them. Several faults may strike
    one word: they follow one another in the order given. Injections may be nested. What a model
    corrects by itself meanwhile comes back too, if it writes with `overwrite`.

    Raises:
        InputError: a fault is not in the space, or the model lacks the struck tensor.
    """
    model = module_of(model)
    if not isinstance(space, FaultSpace):
        raise InputError(f"the space is {type(space).__name__}; give FaultSpace.of(model, ...)")
    injection = Injection()
    places, words, variants = space.locate(numbered(space, faults))
    stack = ExitStack()
    stack.enter_context(eager())
    # Closed twice, for Ctrl-C may come at the very moment of closing.
    try:
        try:
            for place in dict.fromkeys(places.tolist()):
                here = places == place
                site = space.sites[place]
                strike = Strikes(
                    site, space.fault, space.fitted[place], words[here], variants[here], injection
                )
                injection.strikes.append(strike)
                stack.enter_context(space.reach(model, place, strike))
            stack.callback(_INNERMOST.set, _INNERMOST.get())
            _INNERMOST.set(stack)
            yield injection
        finally:
            stack.close()
    finally:
        stack.close()


def injecting() -> bool:
    """Whether an injection is open."""
    return _INNERMOST.get() is not None


def overwrite(stored: Tensor, at: Tensor, values: Tensor) -> None:
    """Write ``values`` where ``at``, a mask of the tensor's shape, is True.

    For what puts a model right while it runs. When the innermost open injection ends, the words
    are again as they were; where none is open, they stay as they are written.
    """
    with torch.inference_mode():
        saved = stored[at]
    stack = _INNERMOST.get()
    if stack is not None:
        stack.callback(_write, stored, at, saved)
    _write(stored, at, values)


def numbered(space: FaultSpace, faults: int | Fault | Iterable[int | Fault] | Numbers) -> Numbers:
    """Fault numbers of one fault or many, given as numbers or as `Fault`.

    Raises:
        InputError: something else, or a fault that is not in the space.
    """
    if isinstance(faults, np.ndarray) and faults.dtype.kind in "iu":
        return faults.astype(np.int64, copy=False).reshape(-1)
    try:
        each = [faults] if isinstance(faults, int | np.integer | Fault) else list(faults)
        return np.array(
            [space.index(f) if isinstance(f, Fault) else operator.index(f) for f in each], np.int64
        )
    except TypeError as error:
        raise InputError(f"a fault is a Fault or its number, a whole one: {error}") from None


@dataclass
class Strikes:
    """The faults that strike one site."""

    site: Site
    fault: FaultModel
    format: Format
    words: Numbers
    variants: Numbers
    injection: Injection
    fallen: int = 0

    @contextmanager
    def held(self, stored: Tensor) -> Iterator[None]:
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
        # Restored twice, for Ctrl-C may come at the very moment of restoring.
        try:
            try:
                _write(memory, at, faulty)
                self.fallen += 1
                yield
            finally:
                _write(memory, at, saved)
        finally:
            _write(memory, at, saved)

    def fall_on(self, flowing: Tensor) -> None:
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


def _write(memory: Tensor, at: Tensor, values: Tensor) -> None:
    with torch.inference_mode():
        memory[at] = values
