"""How do bounds get to the gates inside a recurrent layer?"""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from radhard.errors import InputError
from radhard.hardenings.bounds.pass_events import Event
from radhard.hardenings.draft import Draft
from radhard.hardenings.part import Part
from radhard.stepwise import STEPWISE, Gate, check_convertible

__all__ = ["GateAccess", "gate_paths", "open_gates"]


class GateAccess(Part):
    """Makes a recurrent layer compute step by step, with its gates as modules.

    It has no tensors. The layer keeps its own, with their names.
    """

    place = "inside"

    @property
    def settings(self) -> dict[str, Any]:
        return {}


def open_gates(draft: Draft, events: Sequence[Event]) -> tuple[bool, dict[str, str]]:
    """Put a `GateAccess` into every recurrent layer that a pass calls.

    Returns:
        Whether there was one, and the reasons for layers and cells whose gates stay out of reach.
    """
    changed, left_out = False, {}
    for path, module in list(draft.model.named_modules()):
        calls = [event for event in events if event.what == "enter" and event.path == path]
        if not calls or isinstance(module, STEPWISE):
            continue
        name = f"gates of {path!r}" if path else "gates"
        if isinstance(module, nn.RNNCellBase):
            left_out[name] = f"torch computes a step of {type(module).__name__} in one function"
        elif isinstance(module, nn.RNNBase):
            try:
                check_convertible(module)
            except InputError as error:
                left_out[name] = str(error)
                continue
            if not all(event.single for event in calls):
                left_out[name] = "its input is a packed sequence, or given by name"
                continue
            draft.attach(path, "gate_access", GateAccess(draft.by))
            changed = True
    return changed, left_out


def gate_paths(model: nn.Module, events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    """The gates and cell states of the recurrent layers that a pass calls, with their functions."""
    called = {event.path for event in events if event.what == "enter"}
    for path, module in model.named_modules():
        if isinstance(module, Gate) and path in called:
            yield path, module.function
