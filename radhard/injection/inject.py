"""How does a fault get into a model, and out again?"""

import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, _GeneratorContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from radhard.errors import InputError, RadhardWarning
from radhard.injection.parameters import Parameters
from radhard.injection.strikes import Strikes, write
from radhard.modes import Modes
from radhard.module import eager, module_of
from radhard.space import Fault, FaultSpace, Numbers
from radhard.state import State
from radhard.targets.flow_injection import hung

__all__ = ["Injection", "inject", "injecting", "numbered", "overwrite"]

_INNERMOST: ContextVar["Injection | None"] = ContextVar("innermost open injection", default=None)


@dataclass
class Injection:
    """What an open `inject` has done so far."""

    rows: Sequence[int] | None = None
    """The numbers of the samples that the next batch holds, in order; None: ``0, 1, 2, ...``.

    Matters to faults that strike single samples only; may be set before each batch.
    """
    strikes: list[Strikes] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list, repr=False)
    """What is to be done at the end, in reverse; each may be done twice."""
    state: State | None = None
    """Of a caller who puts back by himself what passes write, and looks whether faults arrive."""
    passes: int = 0
    """How many calls of the whole model came to their end; counted where values that flow are
    struck."""
    _open: list[AbstractContextManager[None]] = field(default_factory=list, repr=False)

    @property
    def reached(self) -> bool:
        """Whether every struck tensor has been reached; one that flows is when it is computed."""
        return all(strike.fallen for strike in self.strikes)

    def enter(self, manager: AbstractContextManager[None]) -> None:
        """Open until `close`; known before it is entered, for Ctrl-C may come in between."""
        self._open.append(manager)
        manager.__enter__()

    def close(self) -> None:
        """Undo everything; doing so twice is doing it once."""
        # Taken off the lists only once it is done: what Ctrl-C cut short is done again.
        while self.undo:
            self.undo[-1]()
            self.undo.pop()
        while self._open:
            manager = self._open[-1]
            # A generator can be closed in any state; to leave one that was not entered would
            # enter it.
            if isinstance(manager, _GeneratorContextManager):
                manager.gen.close()
            else:
                manager.__exit__(None, None, None)
            self._open.pop()

    def count(self, *_: Any) -> None:
        """Count a pass: a hook of the model."""
        self.passes += 1

    def demand_reached(self) -> None:
        """See to it that the faults arrived, and warn of writes that are lost.

        Raises:
            InputError: the model was called, but a value to be struck was never computed.
        """
        lost = [strike.site.name for strike in self.strikes if strike.lost]
        if lost:
            warnings.warn(
                f"{', '.join(map(repr, lost))}: struck words were written to while the fault was "
                "in them, as by an optimiser; they are as they were before, and what was written "
                "to them is lost (all other words keep it)",
                RadhardWarning,
                stacklevel=4,
            )
        missed = [strike.site.name for strike in self.strikes if not strike.fallen]
        if self.passes and missed:
            raise InputError(
                f"{', '.join(map(repr, missed))}: never computed in the forward pass, so that no "
                "fault arrived there"
            )


@contextmanager
def inject(
    model: nn.Module,
    space: FaultSpace,
    faults: int | Fault | Iterable[int | Fault] | Numbers,
    *,
    state: State | None = None,
) -> Iterator[Injection]:
    """The model with these faults in it while open; bit for bit as it was afterwards.

    Only the struck words change, in place; nothing is copied but them and what passes may write:
    buffers, and the attributes of the modules (`State`). Several faults may strike one word: they
    follow one another in the order given. Injections may be nested. What a model corrects by itself
    meanwhile comes back too, if it writes with `overwrite`.

    A parameter that is replaced meanwhile (``model.half()``, ``model.to(device)``, an assignment)
    is as before afterwards, with a warning. Parameters may be trained meanwhile: all but the struck
    words keep what an optimiser made of them, and that the struck ones do not is a warning. Copies
    of the weights that torch keeps of its own (casts of an open ``autocast``,
    ``parametrize.cached``) are thrown away on entering and on leaving, so that the fault is seen.

    ``state`` is that of a caller who puts back by himself what passes write.

    Raises:
        InputError: a fault is not in the space, or the model lacks the struck tensor; or the model
            was called, but a value to be struck was never computed.
    """
    model = module_of(model)
    if not isinstance(space, FaultSpace):
        raise InputError(f"the space is {type(space).__name__}; give FaultSpace.of(model, ...)")
    injection = Injection(state=state)
    places, words, variants = space.locate(numbered(space, faults))
    flows = any(space.sites[place].flows for place in set(places.tolist()))
    own = State(model, parameters=False) if state is None else None
    parameters = Parameters(model) if state is None else None
    fast, outer = torch.backends.mha.get_fastpath_enabled(), _INNERMOST.get()
    modes = Modes.now()

    def put_back() -> None:
        modes.restore()
        _INNERMOST.set(outer)
        injection.close()
        if flows and own is not None:
            torch.backends.mha.set_fastpath_enabled(fast)
        _forget_copies()
        if parameters is not None:
            parameters.restore()
        if own is not None:
            own.restore()

    # Put back twice, for Ctrl-C may come at the very moment of putting back.
    try:
        try:
            injection.enter(eager())
            tensors = space.tensors[places]
            for tensor in dict.fromkeys(tensors.tolist()):
                here = tensors == tensor
                strike = Strikes(
                    space.regions, places[here], words[here], variants[here], injection
                )
                injection.strikes.append(strike)
                injection.enter(space.reach(model, tensor, strike))
            if flows and own is not None:
                # A fused kernel would compute past the modules at which the values are struck.
                torch.backends.mha.set_fastpath_enabled(False)
                injection.enter(hung(model.register_forward_hook, injection.count))
            _forget_copies()
            _INNERMOST.set(injection)
            yield injection
        finally:
            put_back()
    finally:
        put_back()
    if parameters is not None and parameters.replaced:
        _warn_of(parameters.replaced)
    if own is not None:
        injection.demand_reached()


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
    injection = _INNERMOST.get()
    if injection is not None:
        injection.undo.append(partial(write, stored, at, saved))
    write(stored, at, values)


def _warn_of(replaced: set[str]) -> None:
    names = sorted(replaced)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    warnings.warn(
        f"{', '.join(map(repr, names[:3]))}{more}: replaced while a fault was in the model, as by "
        ".half(), .to(device) or an assignment; the model holds its tensors of before again: "
        "convert it before the injection, or after it",
        RadhardWarning,
        stacklevel=4,
    )


def _forget_copies() -> None:
    """Throw away what torch keeps of weights that it computed from: casts, parametrisations."""
    if torch.is_autocast_cache_enabled():
        torch.clear_autocast_cache()
    parametrize._cache.clear()


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
