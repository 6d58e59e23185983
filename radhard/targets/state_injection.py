"""How are faults injected into the states of recurrent layers and cells?"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from radhard.internals import remove_global_forward_hook
from radhard.targets.base import Site, TensorFaults
from radhard.targets.flow_injection import with_faults
from radhard.targets.recurrent_layers import Direction
from radhard.targets.recurrent_pass import StateFault, outputs_after
from radhard.tree import changed
from radhard.workload.hooks import temporary_hooks

__all__ = ["in_cell", "in_layer"]


@dataclass(eq=False)
class _Opened:
    """Faults in one state of a layer, as long as they are injected."""

    layer: nn.RNNBase
    site: Site
    faults: TensorFaults
    seen: int = 0
    """Calls of the layer until now."""

    def fault(self) -> StateFault:
        """The faults, for the pass that goes on from them."""
        state, _, number = self.site.name.rpartition(":")[2].partition("_l")
        number, _, back = number.partition("_")
        direction: Direction = "reverse" if back else "forward"
        return StateFault(
            "c" if state == "c" else "h",
            int(number),
            direction,
            self.faults.faulty_rows,
            self._apply_to,
        )

    def _apply_to(self, state: Tensor, step: int) -> None:
        site = self.site
        rows = state if site.axis == 0 or len(site.shape) == 2 else state.unsqueeze(0)
        if site.axis == 0 and len(site.shape) == 3:  # rows of a sample lie side by side
            rows = torch.unflatten(rows, 0, (-1, site.shape[1]))
        self.faults.apply_to_row(rows, step)


_OPENED: list[_Opened] = []
"""All faults in states of layers that are injected at the moment.

A layer computes all steps and states in one call, so that its faults are injected together.
"""


@contextmanager
def in_layer(layer: nn.RNNBase, site: Site, faults: TensorFaults) -> Iterator[None]:
    """Inject faults into a state within the calls of a layer that computes all steps at once."""
    mine = _Opened(layer, site, faults)

    def hook(module: nn.Module, args: Any, kwargs: Any, outputs: Any) -> Any:
        if module is not layer:
            return None
        mine.seen += 1
        if (mine.seen - 1) % site.calls != site.call:
            return None
        together = [one for one in _OPENED if one.layer is layer and one.site.call == site.call]
        if together[0] is not mine:
            return None
        return outputs_after(layer, args, kwargs, outputs, [one.fault() for one in together])

    def close() -> None:
        if mine in _OPENED:
            _OPENED.remove(mine)
        # By the hook itself, as an interrupt may lose the handle, and a hook of all modules would
        # outlive the model.
        remove_global_forward_hook(hook)

    # Removed twice, as a KeyboardInterrupt may be raised during the removal.
    try:
        try:
            _OPENED.append(mine)
            # A hook of all modules, which torch calls before those of the layer itself: these
            # receive the faulty outputs, also a hook that injects faults into the outputs.
            register_module_forward_hook(hook, with_kwargs=True)
            yield
        finally:
            close()
    finally:
        close()


def in_cell(cell: nn.Module, site: Site, faults: TensorFaults) -> AbstractContextManager[None]:
    """Inject faults into a state after some calls of a cell, each of which is a step."""
    part = "1" if site.name.endswith(":c") else "0"
    steps, calls = frozenset(faults.faulty_rows), site.shape[0]
    seen = 0

    def hook(module: nn.Module, args: Any, outputs: Any) -> Any:  # noqa: ARG001
        nonlocal seen
        step, seen = seen % calls, seen + 1
        if step not in steps:
            return None
        path = () if isinstance(outputs, Tensor) else (part,)
        return changed(outputs, path, lambda t: with_faults(t, site, faults, row=step))

    # Prepended, as for activations.
    return temporary_hooks([(partial(cell.register_forward_hook, prepend=True), hook)])
