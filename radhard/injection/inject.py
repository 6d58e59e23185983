"""How are faults injected into a model and removed again?"""

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
from radhard.injection.tensor_injection import TensorInjection, WrittenWords, write
from radhard.injection.trial_words import TrialCells
from radhard.modes import Modes
from radhard.module import eager, module_of
from radhard.space import Fault, FaultSpace, Numbers, check_space
from radhard.state import State
from radhard.workload.hooks import temporary_hooks

__all__ = ["Injection", "inject", "inject_words", "injecting", "numbered", "overwrite"]

_OPEN: ContextVar[tuple["Injection", ...]] = ContextVar("open injections", default=())
"""The open injections, those opened last at the end."""


@dataclass(eq=False, repr=False)
class Injection:
    """The state of an open `inject`."""

    rows: Sequence[int] | None = None
    """The indices of the samples in the next batch, in order; None: ``0, 1, 2, ...``.

    Used only for faults in single samples; may be set before each batch.
    """
    tensors: list[TensorInjection] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list, repr=False)
    """Functions called at the end, in reverse order; each must allow being called twice."""
    state: State | None = None
    """Given by a caller that restores what passes write, and checks whether the faults were
    injected, itself."""
    passes: int = 0
    """How many calls of the whole model completed; counted only for faults in flowing values."""
    model: nn.Module | None = field(default=None, repr=False)
    put_back: Callable[[], None] = field(default=lambda: None, repr=False)
    """Restores the model as it was before; a call after a complete one has no effect."""
    _open: list[AbstractContextManager[None]] = field(default_factory=list, repr=False)

    def __repr__(self) -> str:
        names = ", ".join(one.site.name for one in self.tensors)
        return f"<Injection into {names}>"

    @property
    def reached(self) -> bool:
        """Whether every faulty tensor has been reached; a flowing one is when it is computed."""
        return all(one.arrivals for one in self.tensors)

    def enter(self, manager: AbstractContextManager[None]) -> None:
        """Enter a context that stays open until `close`."""
        # Recorded before it is entered, as a KeyboardInterrupt may be raised in between.
        self._open.append(manager)
        manager.__enter__()

    def close(self) -> None:
        """Undo everything; a second call has no further effect."""
        # Removed from the lists only when done: a step that Ctrl-C interrupted is repeated.
        while self.undo:
            self.undo[-1]()
            self.undo.pop()
        while self._open:
            manager = self._open[-1]
            # A generator can be closed in any state, whereas ``__exit__`` would start one that
            # was not entered.
            if isinstance(manager, _GeneratorContextManager):
                manager.gen.close()
            else:
                manager.__exit__(None, None, None)
            self._open.pop()

    def count(self, *_: Any) -> None:
        """Count a pass; a forward hook of the model."""
        self.passes += 1

    def check_reached(self) -> None:
        """Check that the faults were injected, and warn of writes that are lost.

        Raises:
            InputError: the model was called, but the tensor of a fault was never computed.
        """
        lost = [one.site.name for one in self.tensors if one.lost]
        if lost:
            warnings.warn(
                f"{', '.join(map(repr, lost))}: faulty words were overwritten while the faults "
                "were in them, as by an optimiser; they have their values from before the faults, "
                "so that what was written to them is lost (other words keep it)",
                RadhardWarning,
                stacklevel=4,
            )
        missed = [one.site.name for one in self.tensors if not one.arrivals]
        if self.passes and missed:
            raise InputError(
                f"{', '.join(map(repr, missed))}: never computed in the forward pass, so that no "
                "fault arrived there"
            )
        # Of a model that was never called, nobody expects a fault to have taken effect.
        late = {sample for one in self.tensors for sample in one.missed_samples}
        if self.passes and late:
            shown = ", ".join(map(str, sorted(late)[:5]))
            warnings.warn(
                f"no batch held sample {shown}, in which faults were injected, so that these had "
                "no effect; set injection.rows to the samples of each batch (with inject(...) as "
                "injection), or pass those that the fault space was made for",
                RadhardWarning,
                stacklevel=4,
            )


@contextmanager
def inject(
    model: nn.Module,
    space: FaultSpace,
    faults: int | Fault | Iterable[int | Fault] | Numbers,
    *,
    state: State | None = None,
) -> Iterator[Injection]:
    """Inject faults into the model while the context is open; then restore it bit for bit.

    Only the faulty words change, in place. Only these words are copied, and what passes may write:
    buffers, and the attributes of the modules (`State`). Several faults in one word are applied one
    after another, in the order given. Injections may be nested; one that ends before those opened
    later in the same model ends them as well, with a warning. Corrections that the model itself
    makes in the meantime are undone too, if it writes them with `overwrite`.

    A parameter that is replaced in the meantime (``model.half()``, ``model.to(device)``, an
    assignment) is restored, with a warning. Parameters may be trained in the meantime: all words
    but the faulty ones keep the updates of the optimizer; a warning is issued for the faulty ones,
    which do not. Copies of the weights that torch caches (casts of an open ``autocast``,
    ``parametrize.cached``) are discarded on entry and on exit, so that the faults take effect.

    A fault whose exposure is `Intermittent` is present in every inference here, with a warning.

    ``state`` is given by a caller that restores what passes write itself.

    Raises:
        InputError: a fault is not in the space, or the model does not have its tensor; or the model
            was called, but the tensor of a fault was never computed.
    """
    model = module_of(model)
    check_space(space)
    injection = Injection(state=state)
    places, words, variants, _ = space.affected(numbered(space, faults))
    _check_registers(space, places)
    flows = any(space.sites[place].flows for place in set(places.tolist()))
    if state is None:
        _warn_of_exposures(space, places)
    before = _Before(model, flows=flows, whole=state is None)
    injection.model, injection.put_back = model, partial(before.restore, injection)

    def enter() -> None:
        injection.enter(eager())
        _reach_tensors(injection, model, space, (places, words, variants))
        if flows and state is None:
            # A fused kernel would bypass the modules in whose hooks the faults are injected.
            torch.backends.mha.set_fastpath_enabled(False)
            injection.enter(temporary_hooks([(model.register_forward_hook, injection.count)]))

    yield from _held(injection, before, enter)
    if before.parameters is not None and before.parameters.replaced:
        _warn_of(before.parameters.replaced)
    if state is None:
        injection.check_reached()


@contextmanager
def inject_words(
    model: nn.Module, words: Sequence[TrialCells], state: State
) -> Iterator[Injection]:
    """Inject the faults of a trial whose faulty words are known already (`TrialWords`).

    As `inject` within an open workload, where nothing compiled runs and ``state`` restores what
    passes write.
    """
    injection = Injection(state=state)
    before = _Before(model, flows=False, whole=False)
    injection.model, injection.put_back = model, partial(before.restore, injection)

    def enter() -> None:
        for one in words:
            written = WrittenWords(one.stored, one.memory, one.at, one.saved, state)
            injection.undo.append(written.restore)
            written.write(one.faulty)

    yield from _held(injection, before, enter)


def _held(
    injection: Injection, before: "_Before", enter: Callable[[], None]
) -> Iterator[Injection]:
    """Keep an injection open: ``enter`` injects the faults, ``before`` knows what is put back."""
    crossed = False
    # Restored twice, as a KeyboardInterrupt may be raised while the model is being restored; each
    # step can be repeated.
    try:
        try:
            enter()
            _forget_copies()
            _OPEN.set((*_OPEN.get(), injection))
            yield injection
        finally:
            crossed = bool(_opened_later(injection))
            before.restore(injection)
    finally:
        before.restore(injection)
    if crossed:
        warnings.warn(
            "an injection ended before one that was opened later in the same model, which ended "
            "with it; close them in reverse order, as nested with statements do",
            RadhardWarning,
            stacklevel=4,
        )


class _Before:
    """What is put back after an injection, besides the faulty words.

    ``flows``: faults are in flowing values. ``whole``: also what passes and optimisers write, which
    else the caller restores.
    """

    def __init__(self, model: nn.Module, *, flows: bool, whole: bool) -> None:
        # Parameters have a record of their own, as an optimiser may go on training them.
        self._state = State(model, parameters=False) if whole else None
        self.parameters = Parameters(model) if whole else None
        fast = torch.backends.mha.get_fastpath_enabled()
        self._fast = fast if flows and whole else None
        self._modes, self._done = Modes.now(), False

    def restore(self, injection: Injection) -> None:
        """Close the injection and put everything back, once; each step can be repeated."""
        if self._done:
            return
        # What a later one saved holds the faults of this one, and would bring them back.
        for later in _opened_later(injection):
            later.put_back()
        self._modes.restore()
        _OPEN.set(tuple(one for one in _OPEN.get() if one is not injection))
        injection.close()
        if self._fast is not None:
            torch.backends.mha.set_fastpath_enabled(self._fast)
        # After the words are restored, so that no cast of a faulty weight remains.
        _forget_copies()
        if self.parameters is not None:
            self.parameters.restore()
        if self._state is not None:
            self._state.restore()
        self._done = True


def _check_registers(space: FaultSpace, places: Numbers) -> None:
    if len(places) > 1 and any(space.sites[place].role == "register" for place in places.tolist()):
        raise InputError(
            f"{len(places)} faults of which some are in registers: what several do together is not "
            "computed; inject one fault at a time, with a sampler such as Uniform(1000)"
        )


def _reach_tensors(
    injection: Injection,
    model: nn.Module,
    space: FaultSpace,
    faults: tuple[Numbers, Numbers, Numbers],
) -> None:
    """Open every tensor that has faults; ``faults``: the region, word and variant of each."""
    places, words, variants = faults
    # By tensor and not by region: several regions may lie in one tensor, whose words are saved
    # once.
    tensors = space.tensors[places]
    for tensor in dict.fromkeys(tensors.tolist()):
        here = tensors == tensor
        one = TensorInjection(space.regions, places[here], words[here], variants[here], injection)
        injection.tensors.append(one)
        # Of their own region: registers of one name may belong to different arrays.
        injection.enter(space.reach(model, int(places[here][0]), one))


def injecting() -> bool:
    """Whether an injection is open."""
    return bool(_OPEN.get())


def _opened_later(injection: Injection) -> tuple[Injection, ...]:
    """The open injections into modules of the same model that were opened after this one.

    The one opened last comes first.
    """
    opened = _OPEN.get()
    # It is in none where it ends in another thread.
    later = opened[opened.index(injection) + 1 :] if injection in opened else ()
    if not later or injection.model is None:
        return ()
    mine = set(injection.model.modules())
    return tuple(
        one
        for one in reversed(later)
        if one.model is not None and not mine.isdisjoint(one.model.modules())
    )


def overwrite(stored: Tensor, at: Tensor, values: Tensor) -> None:
    """Write ``values`` where ``at``, a mask of the tensor's shape, is True.

    For code that corrects a model while it runs. The words are restored when the innermost open
    injection ends; if none is open, they keep the new values.
    """
    with torch.inference_mode():
        saved = stored[at]
    if opened := _OPEN.get():
        opened[-1].undo.append(partial(write, stored, at, saved))
    write(stored, at, values)


def _warn_of_exposures(space: FaultSpace, places: Numbers) -> None:
    exposures = [space.regions[place].exposure for place in np.unique(places).tolist()]
    fleeting = next((one for one in exposures if not one.always_present), None)
    if fleeting is not None:
        warnings.warn(
            f"the faults of this space are {fleeting!r}, and inject makes them present in every "
            "inference; exposure.present(faults, samples) says in which samples of a campaign "
            "they are",
            RadhardWarning,
            stacklevel=4,
        )


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
    """Discard what torch caches of the weights: casts of autocast, parametrized tensors."""
    if torch.is_autocast_cache_enabled():
        torch.clear_autocast_cache()
    parametrize._cache.clear()


def numbered(space: FaultSpace, faults: int | Fault | Iterable[int | Fault] | Numbers) -> Numbers:
    """The numbers of one or several faults, given as numbers or as `Fault`.

    Raises:
        InputError: another type, or a fault that is not in the space.
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
