"""Which modules and functions does a pass call, and which tensors do they exchange?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.tree import leaves
from radhard.workload.hooks import module_hooks

__all__ = ["Event", "calls"]


@dataclass(frozen=True)
class Event:
    """A module entered or left, or a function of torch called, in the order of the pass."""

    what: Literal["enter", "exit", "function"]
    path: str
    """Qualified name of the module; for a function, the innermost module that calls it."""
    taken: tuple[Tensor, ...]
    """Tensors given as positional arguments; those in containers or keywords are in ``others``."""
    others: tuple[Tensor, ...] = ()
    made: tuple[Tensor, ...] = ()
    """Tensors that are returned."""
    single: bool = False
    """Whether one tensor is returned rather than a container of tensors."""
    name: str = ""
    """Name of the function."""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    within: tuple[str, ...] = ()
    """Modules being executed, outermost first."""


def calls(draft: Draft) -> list[Event]:
    """The events of one pass over the first sample, in order.

    All tensors are kept alive, so that identity of objects implies identity of values. If the model
    does not accept a single sample, the pass is over a whole batch.
    """
    try:
        return _calls(draft, 1)
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        if draft.workload.batch == 1:
            raise
        return _calls(draft, draft.workload.batch)


def _calls(draft: Draft, size: int) -> list[Event]:
    events: list[Event] = []
    stack: list[str] = []
    _, batch = next(draft.workload.data.batches(size))

    def enter(path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        stack.append(path)
        taken, others = _split(args, kwargs)
        single = bool(args) and isinstance(args[0], Tensor)
        events.append(Event("enter", path, taken, others, single=single, within=tuple(stack)))

    def leave(path: str, args: tuple[Any, ...], kwargs: Any, output: Any) -> Any:  # noqa: ARG001
        single = isinstance(output, Tensor)
        if single and any(output is arg for arg in args):
            # A new object, so that uses of the output are distinguished from uses of the input.
            output = output.detach()
        events.append(
            Event("exit", path, (), made=_tensors(output), single=single, within=tuple(stack))
        )
        stack.pop()
        return output

    modules = dict(draft.model.named_modules())
    with (
        torch.no_grad(),
        module_hooks(modules, before=enter, after=leave),
        _Functions(events, stack),
    ):
        draft.workload.steady(draft.model, batch)
    return events


class _Functions(TorchFunctionMode):
    """Records every function of torch that returns tensors."""

    def __init__(self, events: list[Event], stack: list[str]) -> None:
        super().__init__()
        self.events, self.stack = events, stack

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        made = _tensors(output)
        # Functions without tensors in their result, such as sizes, exchange no values.
        if made:
            taken, others = _split(args, kwargs)
            self.events.append(
                Event(
                    "function",
                    self.stack[-1] if self.stack else "",
                    taken,
                    others,
                    made,
                    isinstance(output, Tensor),
                    getattr(func, "__name__", ""),
                    tuple(None if isinstance(arg, Tensor) else arg for arg in args),
                    kwargs,
                    tuple(self.stack),
                )
            )
        return output


def _split(
    args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    taken = tuple(arg for arg in args if isinstance(arg, Tensor))
    nested = [arg for arg in args if not isinstance(arg, Tensor)]
    return taken, (*_tensors(nested), *_tensors(dict(kwargs)))


def _tensors(value: Any) -> tuple[Tensor, ...]:
    return tuple(tensor for _, tensor in leaves(value))
