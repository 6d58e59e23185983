"""How are functions called before and after the calls of modules?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

__all__ = ["After", "Before", "module_hooks", "temporary_hooks"]

Before = Callable[[str, tuple[Any, ...], dict[str, Any]], None]
"""Called with a module's name, its arguments and its keyword arguments."""

After = Callable[[str, tuple[Any, ...], dict[str, Any], Any], Any]
"""Called with a module's name, its arguments, its keyword arguments and its output; returns the
output to use, None for that of the module."""

Hook = Callable[..., Any]
Register = Callable[[Hook], RemovableHandle]
"""A method such as ``module.register_forward_hook``."""


def module_hooks(
    modules: Mapping[str, nn.Module],
    *,
    before: Before | None = None,
    after: After | None = None,
    first: bool = False,
) -> AbstractContextManager[None]:
    """While open, functions are called before and after every call of some modules.

    They are called after the hooks that the modules have already, such as those of a range
    restriction, and see what these make of arguments and outputs; before them if ``first``.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> with module_hooks(dict(net.named_children()), after=lambda name, *_: print(name)):
    ...     _ = net(torch.zeros(1, 2))
    0
    1
    """
    hooks: list[tuple[Register, Hook]] = []
    for name, module in modules.items():
        if before is not None:
            register = partial(module.register_forward_pre_hook, prepend=first, with_kwargs=True)
            hooks.append((register, _named(before, name)))
        if after is not None:
            register = partial(module.register_forward_hook, prepend=first, with_kwargs=True)
            hooks.append((register, _named(after, name)))
    return temporary_hooks(hooks)


def _named(function: Hook, name: str) -> Hook:
    """The function, with the name of the module in place of the module."""
    return lambda _, *passed: function(name, *passed)


@contextmanager
def temporary_hooks(hooks: Sequence[tuple[Register, Hook]]) -> Iterator[None]:
    """Register hooks, each with its own function for it, while the context is open."""
    alive = True
    handles: list[RemovableHandle] = []

    def while_open(hook: Hook) -> Hook:
        return lambda *given: hook(*given) if alive else None

    # Removed twice, as a KeyboardInterrupt may be raised during the removal. The hooks are also
    # disabled, as an interrupt between a registration and the append leaves no handle to remove.
    try:
        try:
            for register, hook in hooks:
                handles.append(register(while_open(hook)))
            yield
        finally:
            alive = False
            for handle in handles:
                handle.remove()
    finally:
        alive = False
        for handle in handles:
            handle.remove()
