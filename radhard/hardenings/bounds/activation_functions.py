"""Which activation functions does a model have, and where can each be bounded?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn

from radhard.analyses.classes import check_classes, of_class
from radhard.hardenings.bounds.elementwise import CONTAINERS, may_be_function, probed
from radhard.hardenings.bounds.flow import after, before, only_use
from radhard.hardenings.bounds.functions import (
    BOUNDED,
    FUNCTIONS,
    RECTIFIERS,
    Kind,
    kind_of_call,
)
from radhard.hardenings.bounds.gate_access import gate_paths, open_gates
from radhard.hardenings.bounds.pass_events import Event, calls
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import Part
from radhard.hardenings.spot import Spot
from radhard.stepwise import STEPWISE

__all__ = ["Activation", "Values", "activations", "spots"]

Values = Literal["rectified", "to rectify", "any"]
"""The values at a place: non-negative; inputs of a rectifier that follows; or any values."""


_NAMED = 5
"""Number of modules that a sentence names."""

_SOUGHT = (
    "modules such as ReLU, GELU and Sigmoid, elementwise modules of other classes, those that "
    "kinds= names, and functions such as F.relu; a compiled or scripted model shows none of them, "
    "so give the one before torch.compile or torch.jit"
)


@dataclass(frozen=True)
class Activation:
    """An activation function of a model: a module, or a function that a module calls."""

    name: str
    """The name of the module, or the function and the module that calls it."""
    kind: str
    rectifier: bool
    bounded: bool
    after: tuple[Spot, ...]
    """Places that all of its output passes; empty if hooks cannot reach all of it."""
    before: tuple[Spot, ...]
    """Places that all of its input passes."""
    function_follows: bool = False
    """Whether ``after`` precedes it: a bound there may also rectify, as rectification follows."""
    why: str = ""
    """Why its output cannot be reached."""
    why_before: str = ""


def activations(draft: Draft, events: Sequence[Event], kinds: Sequence[str]) -> list[Activation]:
    """The activation functions, in the order of their first call in a pass.

    These are modules of torch's classes, of the classes in ``kinds``, and modules found to be
    elementwise; and functions such as ``F.relu`` that other modules call.

    Raises:
        InputError: ``kinds`` contains a name that is not the class of any module.
    """
    check_classes(draft.by, draft.model, kinds)
    stepwise = {path for path, m in draft.model.named_modules() if isinstance(m, STEPWISE)}
    modules = _modules(draft, events, kinds)
    functions: dict[str, Activation] = {}
    for at, event in enumerate(events):
        if event.what == "exit" and event.path in modules and event.path not in functions:
            functions[event.path] = _of_module(draft, event, modules[event.path])
        # A function inside a module that is one of them is how that module computes; those inside a
        # recurrent layer are its gates.
        if event.what != "function" or not event.made:
            continue
        if any(path in modules or path in stepwise for path in event.within):
            continue
        kind = kind_of_call(event.name, event.args, event.kwargs)
        if kind is not None:
            function = _of_call(draft, events, at, kind)
            name, number = function.name, 2
            # A module may call the same function several times.
            while name in functions:
                name, number = f"{function.name}, call {number}", number + 1
            functions[name] = replace(function, name=name)
    return list(functions.values())


def spots(
    draft: Draft,
    kinds: Sequence[str] = (),
    *,
    side: Literal["after", "before"] = "after",
    of: Literal["all", "unbounded", "rectifiers"] = "unbounded",
    gates: bool = False,
) -> dict[Spot, Values]:
    """The places at which activations are bounded, and the values at each of them.

    Those left out are recorded in ``draft.coverage``: activation functions that hooks cannot reach
    and, if only rectifiers are bounded, those of other kinds. With ``gates``, the places include
    the gates and cell states of recurrent layers, which then compute step by step.
    """
    events = calls(draft)
    covered, left_out, exempt = [], dict[str, str](), {}
    if gates:
        changed, left_out = open_gates(draft, events)
        events = calls(draft) if changed else events
    functions = activations(draft, events, kinds)
    _tell_shared(draft, events, functions)
    if gates:
        functions += [_of_gate(*gate) for gate in gate_paths(draft.model, events)]
    flowing = _flowing(events, functions) if side == "after" else {}
    values_at: dict[Spot, Values] = {}
    for function in functions:
        reached = function.after if side == "after" else function.before
        values = [flowing.get(spot, "any") for spot in reached]
        if of != "all" and function.bounded:
            exempt[function.name] = f"{function.kind} is bounded by itself"
        elif of == "rectifiers" and not function.rectifier:
            left_out[function.name] = f"{function.kind} is no rectifier; Ranger() bounds it"
        elif of == "rectifiers" and "any" in values:
            left_out[function.name] = "what it gives shares a module with other values"
        elif reached:
            covered.append(function.name)
            values_at |= dict(zip(reached, values, strict=True))
        else:
            left_out[function.name] = function.why if side == "after" else function.why_before
    draft.cover("activation functions", covered, left_out, exempt, sought=_SOUGHT)
    return values_at


def _tell_shared(draft: Draft, events: Sequence[Event], functions: Sequence[Activation]) -> None:
    """Record which modules are called several times and have one bound for all calls."""
    calls_of = Counter(event.path for event in events if event.what == "enter")
    # Functions that modules call, such as F.relu, are named otherwise and have a bound each.
    names = (function.name for function in functions if not function.bounded and function.after)
    shared = [(name, calls_of[name]) for name in names if calls_of[name] > 1]
    if shared:
        named = ", ".join(f"{name} ({number:,} calls)" for name, number in shared[:_NAMED])
        more = f" and {len(shared) - _NAMED} more" if len(shared) > _NAMED else ""
        draft.findings.append(
            f"one bound for all calls of a module: {named}{more}; it is that of the call with the "
            "widest range, and a module of its own for each call would have tighter ones"
        )


def _flowing(events: Sequence[Event], functions: Sequence[Activation]) -> dict[Spot, Values]:
    """The values at each place, from all activation functions and all calls of the module."""
    calls_of = Counter(event.path for event in events if event.what == "enter")
    reaching: dict[Spot, list[Activation]] = {}
    for function in functions:
        for spot in function.after:
            reaching.setdefault(spot, []).append(function)
    values_at: dict[Spot, Values] = {}
    for spot, ones in reaching.items():
        has_module = any(not function.kind.endswith("()") for function in ones)
        values: set[Values] = {
            "to rectify"
            if function.function_follows
            else "rectified"
            if function.rectifier
            else "any"
            for function in ones
        }
        # A module that is called more often than that also receives other values.
        shared = not has_module and calls_of[spot.path] > len(ones)
        # Only if all values that pass agree may a bound assume anything of them.
        values_at[spot] = "any" if shared or len(values) > 1 else values.pop()
    return values_at


def _modules(draft: Draft, events: Sequence[Event], kinds: Sequence[str]) -> dict[str, Kind]:
    """The kind of every called module that is an activation function."""
    kinds_of: dict[str, Kind] = {}
    entered: dict[str, Event] = {}
    for event in events:
        if event.what == "enter":
            entered.setdefault(event.path, event)
            continue
        if event.what != "exit" or event.path in kinds_of or event.path not in entered:
            continue
        module = draft.model.get_submodule(event.path)
        kind = _kind(module, entered[event.path], event, kinds)
        # If its output is that of an activation function inside it, only the inner one counts.
        if kind is not None and not _inner(kinds_of, events, event):
            kinds_of[event.path] = kind
    return kinds_of


def _kind(module: nn.Module, enter: Event, leave: Event, kinds: Sequence[str]) -> Kind | None:
    if isinstance(module, Part):
        return None
    if isinstance(module, FUNCTIONS):
        return isinstance(module, RECTIFIERS), isinstance(module, BOUNDED)
    single = len(enter.taken) == 1 and not enter.others and enter.single and leave.single
    example: Tensor | None = enter.taken[0] if single else None
    if of_class(module, kinds):
        kind = probed(module, example) if example is not None else None
        # The user says that it is one; nothing is assumed of its outputs.
        return kind or (False, False)
    if example is None or not example.is_floating_point() or not may_be_function(module):
        return None
    return probed(module, example) if leave.made[0].shape == example.shape else None


def _inner(kinds_of: dict[str, Kind], events: Sequence[Event], leave: Event) -> bool:
    inside = (
        e for e in events if e.what == "exit" and e.path in kinds_of and leave.path in e.within
    )
    # The same object: all tensors of the pass are alive, so identity cannot be a coincidence.
    return leave.single and any(e.single and e.made[0] is leave.made[0] for e in inside)


def _of_module(draft: Draft, leave: Event, kind: Kind) -> Activation:
    name = type(draft.model.get_submodule(leave.path)).__name__
    rectifier, bounded = kind
    behind = (Spot(leave.path, "output"),) if leave.single else ()
    why = "" if leave.single else f"{name} does not give one tensor"
    return Activation(
        leave.path or name,
        name,
        rectifier,
        bounded,
        behind,
        (Spot(leave.path, "input"),),
        why=why,
    )


def _of_gate(path: str, function: str) -> Activation:
    # Not bounded by itself, although all but the cell state are: NaN is in no range, and stays in
    # the state over all later steps.
    places = (Spot(path, "output"),), (Spot(path, "input"),)
    return Activation(path, function, False, False, *places)


def _of_call(draft: Draft, events: Sequence[Event], at: int, kind: Kind) -> Activation:
    event = events[at]
    containers = _containers(draft)
    behind = after(events, at, containers)
    ahead = before(events, at, containers)
    name = event.name.rstrip("_")
    rectifier, bounded = kind
    # If a rectifier is the only user of the output of a module, bounding and rectifying that output
    # has the same effect as bounding the output of the rectifier.
    follows = False
    if isinstance(behind, str) and rectifier and not isinstance(ahead, str):
        follows = ahead[0].place == "output" and only_use(events, at)
        behind = ahead if follows else behind
    advice = "call it as a module of its own, such as nn.ReLU()"
    return Activation(
        f"{name}() in {event.path or type(draft.model).__name__!r}",
        f"{name}()",
        rectifier,
        bounded,
        () if isinstance(behind, str) else behind,
        () if isinstance(ahead, str) else ahead,
        follows,
        f"{behind}; {advice}" if isinstance(behind, str) else "",
        f"{ahead}; {advice}" if isinstance(ahead, str) else "",
    )


def _containers(draft: Draft) -> set[str]:
    return {path for path, m in draft.model.named_modules() if isinstance(m, CONTAINERS)}
