"""Which modules does the input or the output of a function pass?"""

from collections.abc import Collection, Sequence

from torch import Tensor

from radhard.hardenings.bounds.pass_events import Event
from radhard.hardenings.spot import Spot

__all__ = ["after", "before", "only_use"]

_PASSING = {
    "__get__",
    "__getitem__",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "alpha_dropout",
    "chunk",
    "clone",
    "contiguous",
    "detach",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "expand",
    "feature_alpha_dropout",
    "flatten",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "movedim",
    "permute",
    "reshape",
    "split",
    "squeeze",
    "t",
    "to",
    "transpose",
    "unflatten",
    "unsqueeze",
    "view",
}
"""Functions whose outputs are some of their inputs, in evaluation mode: if the inputs are bounded,
so are the outputs."""


def after(events: Sequence[Event], at: int, skipped: Collection[str]) -> tuple[Spot, ...] | str:
    """Places that all uses of the output of the function at ``events[at]`` pass, or why not.

    Modules in ``skipped`` are ignored, since their inputs are passed to their children.
    """
    call = events[at]
    values: list[Tensor] = list(call.made)
    reached: dict[Spot, None] = {}
    inside: str | None = None
    for event in events[at + 1 :]:
        if inside is not None:
            # Uses inside a module whose input is bounded come after the bound.
            inside = None if event.what == "exit" and event.path == inside else inside
        elif event.what == "exit":
            if not _among(values, event.made):
                continue
            if not event.single:
                return f"{event.path or 'the model'!r} gives it among other values"
            # All uses inside the module that calls the function were checked by then, so its output
            # is the last place.
            if event.path == call.path:
                reached[Spot(event.path, "output")] = None
                return tuple(reached)
        elif _among(values, event.others):
            return f"{_user(event)} is given it by name or among others"
        elif not _among(values, event.taken):
            continue
        elif event.what == "function":
            if event.name.rstrip("_") not in _PASSING:
                return f"{_user(event)} is given it straight away"
            # From here on its result counts as the value too: bounded inputs give bounded outputs.
            values += event.made
        elif event.path not in skipped:
            if not event.single or len(event.taken) > 1:
                return f"it is one of several inputs of {event.path!r}"
            reached[Spot(event.path, "input")] = None
            inside = event.path
    return tuple(reached) or "nothing uses what it gives"


def before(events: Sequence[Event], at: int, skipped: Collection[str]) -> tuple[Spot, ...] | str:
    """The place that the input of the function at ``events[at]`` passes, or why there is none."""
    call = events[at]
    if not call.taken:
        return "its input is given by name"
    argument = call.taken[0]
    for event in reversed(events[:at]):
        if event.what == "function" and _among([argument], event.made):
            # If this were the last operation of a module, the exit of that module would have been
            # found first.
            return f"what it is given comes from {_user(event)}"
        if event.path in skipped:
            continue
        if event.what == "exit" and event.single and event.made[0] is argument:
            return (Spot(event.path, "output"),)
        open_ = event.what == "enter" and event.path in call.within
        if open_ and event.single and event.taken[0] is argument:
            return (Spot(event.path, "input"),)
    return "what it is given comes from no module"


def only_use(events: Sequence[Event], at: int) -> bool:
    """Whether only the function at ``events[at]`` uses its input, and does not write into it."""
    call = events[at]
    argument = call.taken[0]
    # An operation in place returns its argument, and what is read there afterwards is rectified
    # already.
    if _among([argument], call.made):
        return False
    uses = (e for n, e in enumerate(events) if n != at and e.what != "exit")
    return not any(_among([argument], (*e.taken, *e.others)) for e in uses)


def _user(event: Event) -> str:
    return f"{event.name.rstrip('_')}()" if event.what == "function" else repr(event.path)


def _among(values: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return any(value is other for value in values for other in others)
