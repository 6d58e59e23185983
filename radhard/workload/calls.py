"""Which tensors flow through a model, in which calls?"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList

from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import Forward
from radhard.internals import version
from radhard.tree import leaves
from radhard.workload.geometry import different, geometry, repeated
from radhard.workload.hooks import module_hooks

__all__ = [
    "Flow",
    "ModuleCall",
    "check_geometry",
    "computing_modules",
    "observed",
    "short_pass",
    "state",
]


@dataclass
class Flow:
    """A floating-point tensor observed in a call: its place in the value, and its geometry."""

    path: tuple[str, ...]
    shape: tuple[int, ...]
    """Of one sample."""
    axis: int | None
    """The axis of the samples, None if there is none."""
    dtype: str
    fresh: bool
    """Whether the call computed it, rather than returned an argument."""
    trouble: str = ""
    """Why its samples cannot be distinguished, if they cannot."""


@dataclass
class ModuleCall:
    """One call of a module within one forward pass."""

    name: str
    """Qualified module name (``(model)`` for the model itself), ``@k`` for a repeated call."""
    module: str
    kind: str
    number: int
    innermost: bool = True
    flows: list[Flow] = field(default_factory=list)
    came: set[tuple[int, int]] = field(default_factory=set)
    """The `state` of each argument when the call began."""


def observed(
    model: nn.Module, inputs: Any, forward: Forward, *, arguments: bool
) -> list[ModuleCall]:
    """The calls of one forward pass in order, with the outputs (or arguments) of each module.

    The axis of the samples follows from passes over two and three copies of the first sample, and
    over that sample followed by another.
    """
    two, three = (_record(model, repeated(inputs, n), forward, arguments) for n in (2, 3))
    pair = different(inputs)
    mixed = two if pair is None else _record(model, pair, forward, arguments)
    if not _alike(two, three) or not _alike(two, mixed):
        raise InputError(
            "the model calls other modules, or outputs other tensors, for some samples than for "
            "others; faults in what flows need a forward pass that always takes the same way"
        )
    for (call, seen), (_, longer), (_, other) in zip(two, three, mixed, strict=True):
        for (path, a, fresh), (_, b, _), (_, c, _) in zip(seen, longer, other, strict=True):
            if a.is_floating_point() and a.numel():
                shape, axis, trouble = geometry(a, b, c)
                dtype = str(a.dtype).removeprefix("torch.")
                call.flows.append(Flow(path, shape, axis, dtype, fresh, trouble))
    return [call for call, _ in two]


def check_geometry(flows: Iterable[tuple[str, Flow]]) -> None:
    """Raise `InputError` for the first flow whose samples cannot be distinguished."""
    for name, flow in flows:
        if flow.trouble:
            raise InputError(f"{name!r}: {flow.trouble}; leave it out of the pattern")


Seen = list[tuple[tuple[str, ...], Tensor, bool]]


def _alike(one: list[tuple[ModuleCall, Seen]], other: list[tuple[ModuleCall, Seen]]) -> bool:
    paths = [[(call.name, [path for path, _, _ in seen]) for call, seen in r] for r in (one, other)]
    return paths[0] == paths[1]


def _record(
    model: nn.Module, batch: Any, forward: Forward, arguments: bool
) -> list[tuple[ModuleCall, Seen]]:
    modules = computing_modules(model)
    times: Counter[str] = Counter()
    open_calls: list[ModuleCall] = []
    record: list[tuple[ModuleCall, Seen]] = []

    def before(name: str, args: Any, kwargs: Any) -> None:
        # Whatever is open when another call begins is not the innermost one.
        for outer in open_calls:
            outer.innermost = False
        number = times[name]
        times[name] += 1
        called = f"{name or '(model)'}@{number}" if number else name or "(model)"
        call = ModuleCall(called, name, type(modules[name]).__name__, number)
        call.came = {state(tensor) for _, tensor in leaves((args, kwargs))}
        open_calls.append(call)
        if arguments:
            seen = [(path, tensor, True) for path, tensor in leaves((args, kwargs))]
            record.append((call, seen))

    def after(name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG001
        call = open_calls.pop()
        if not arguments:
            parts = leaves(output)
            # A tensor that came in and goes out unchanged was not computed here; one that was
            # written to has another version.
            record.append((call, [(path, t, state(t) not in call.came) for path, t in parts]))

    # Around all other hooks of the modules: what these make of arguments and outputs is seen.
    with (
        evaluating(model),
        torch.no_grad(),
        module_hooks(modules, before=before, first=True),
        module_hooks(modules, after=after),
    ):
        short_pass(model, batch, forward)
    return record


def short_pass(model: nn.Module, batch: Any, forward: Forward) -> None:
    """A pass over 2 or 3 samples, in which the values that flow are looked at.

    Raises:
        InputError: the model does not take so few.
    """
    try:
        forward(model, batch)
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        raise InputError(
            f"a pass over 2 or 3 samples fails ({type(error).__name__}: {said}); it is needed "
            "to tell samples apart in the values that flow; give a "
            "model that takes batches of any size, such as one exported with a dynamic batch"
        ) from error


def computing_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by name, without those that compute weights (parametrizations)."""
    lists = (m for m in model.modules() if isinstance(m, ParametrizationList))
    inside = {inner for one in lists for inner in one.modules()}
    return {name: module for name, module in model.named_modules() if module not in inside}


def state(tensor: Tensor) -> tuple[int, int]:
    """A key for a tensor's values, which changes with its memory or with a write into it."""
    # The memory and not the object, as a view of an argument is no new value either.
    return tensor.untyped_storage().data_ptr(), version(tensor)
