"""How are faults injected into the values of attention?"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.internals import close_function_mode, open_function_mode
from radhard.targets.attention_mode import PARTS, AttentionMode, Part
from radhard.targets.base import Site, TensorFaults
from radhard.targets.flow_injection import same_layout, with_faults
from radhard.workload.hooks import module_hooks

__all__ = ["in_attention", "in_cache", "part_and_order"]


@dataclass(eq=False)
class _Opened:
    """Faults in one value of the attention of a module, as long as they are injected."""

    part: Part
    order: int
    """The number of the attention within a call of the module."""
    site: Site
    inject: Callable[[Tensor], Tensor]
    until_last_call: bool
    """Whether they are in the calls after that of the site as well."""
    seen: int = 0
    """Calls of the module until now."""
    begun: int = 0
    """Attention that began in the current call."""
    inside: int = 0
    """Open calls of the module and of those within it."""

    def enter(self, name: str, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        if not name:
            self.seen, self.begun, self.inside = self.seen + 1, 0, 0
        self.inside += 1

    def leave(self, name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG002
        self.inside -= 1

    @property
    def computes(self) -> bool:
        """Whether what is computed now is computed by the module, not by one within it."""
        return self.inside == 1

    @property
    def is_due(self) -> bool:
        """Whether the faults are in what is computed now."""
        if not self.computes:
            return False
        call = (self.seen - 1) % self.site.calls
        now = call >= self.site.call if self.until_last_call else call == self.site.call
        return now and self.begun - 1 == self.order


class _Injector(threading.local):
    """All faults in values of attention that are injected at the moment, in this thread.

    One attention computes all its values, so that faults in several of them are injected together.
    """

    def __init__(self) -> None:
        self.opened: list[_Opened] = []
        self._mode = AttentionMode(self)

    def open(self, one: _Opened) -> None:
        """Inject faults from now on."""
        self.opened.append(one)
        if len(self.opened) == 1:
            open_function_mode(self._mode)

    def close(self, one: _Opened) -> None:
        """Do not inject them any more; may be repeated."""
        if one in self.opened:
            self.opened.remove(one)
        if not self.opened:
            close_function_mode(self._mode)

    def is_watching(self) -> bool:
        return any(one.computes for one in self.opened)

    def begin(self) -> None:
        for one in self.opened:
            if one.computes:
                one.begun += 1

    def needs(self, part: Part) -> bool:
        return any(one.part == part and one.is_due for one in self.opened)

    def visit(self, part: Part, value: Tensor) -> Tensor:
        for one in self.opened:
            if one.part == part and one.is_due:
                value = one.inject(value)
        return value

    def after(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> None:
        pass


_INJECTOR = _Injector()


def in_attention(
    module: nn.Module, site: Site, faults: TensorFaults
) -> AbstractContextManager[None]:
    """Inject faults into a value of an attention, as it is computed in one call of a module."""
    part, order = part_and_order(site)
    return _injected(
        module, _Opened(part, order, site, lambda value: with_faults(value, site, faults), False)
    )


def in_cache(module: nn.Module, site: Site, faults: TensorFaults) -> AbstractContextManager[None]:
    """Inject faults into what a module reads of its key-value cache, in one call and all later."""
    part, order = part_and_order(site)
    return _injected(
        module, _Opened(part, order, site, lambda value: _in_positions(value, site, faults), True)
    )


@contextmanager
def _injected(module: nn.Module, one: _Opened) -> Iterator[None]:
    # Closed twice, as a KeyboardInterrupt may be raised meanwhile.
    try:
        try:
            _INJECTOR.open(one)
            with module_hooks(dict(module.named_modules()), before=one.enter, after=one.leave):
                yield
        finally:
            _INJECTOR.close(one)
    finally:
        _INJECTOR.close(one)


def part_and_order(site: Site) -> tuple[Part, int]:
    """Which value of the attention a site is, and the number of the attention in the call."""
    name, _, order = site.name.rpartition(":")[2].partition(".")
    return next(part for part in PARTS if part == name.removesuffix("_cache")), int(order or 0)


def _in_positions(value: Tensor, site: Site, faults: TensorFaults) -> Tensor:
    """A copy of the keys or values of a call, with the faults in positions that it has."""
    copy = same_layout(value)
    rows = copy.unsqueeze(0) if site.axis is None else copy.movedim(site.axis, 0)
    if site.axis is not None and rows.dim() == len(site.shape):  # heads of a sample, side by side
        rows = torch.unflatten(rows, 0, (-1, site.shape[1]))
    positions = rows.movedim(-2, 1)
    for position in faults.faulty_rows:
        if position < positions.shape[1]:
            faults.apply_to_row(positions[:, position], position)
    return copy
