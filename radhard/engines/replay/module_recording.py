"""What does every module output in a fault-free pass, and when is each tensor first used?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from radhard.forward import Forward
from radhard.internals import TorchDispatchMode, version
from radhard.state.memory import address
from radhard.targets import Site
from radhard.targets.stored import stored_tensor
from radhard.tree import operands, tree_flatten, tree_unflatten

__all__ = ["RecordedCall", "Recording", "copied", "cost_of", "forwards", "recorded"]


@dataclass
class RecordedCall:
    """One call of a module; calls are ordered by their beginning."""

    module: nn.Module
    number: int
    """The number of this call of the module, from 0."""
    begin: float
    """The time of its beginning, counted in operations and calls."""
    last: int = -1
    """The position of the last call inside it, or its own position."""
    end: float = float("inf")
    """The time of its end."""
    output: Any = None
    """A copy of the output of ``forward``; None if it cannot be copied."""


@dataclass
class Recording:
    """A fault-free pass over one batch."""

    calls: list[RecordedCall]
    used: dict[int, int]
    """The time at which an operation first used a tensor, by the address of its memory."""
    nbytes: int
    """Size of the copies in bytes."""
    spent: list[float]
    """Cumulative cost of all operations until each time, in multiplications; see `cost_of`."""
    operations: set[str]
    """Names of the operations."""
    counted: int
    """Number of operations."""

    def begins(self, model: nn.Module, site: Site) -> float:
        """The time at which a site's tensor is first computed, or first used if it is stored."""
        if not site.flows:
            stored = stored_tensor(model, site.name)
            assert stored is not None
            return self.used.get(address(stored), float("inf"))
        module = model.get_submodule(site.layer)
        begins = [call.begin for call in self.calls if call.module is module]
        # A call that the recorded pass did not make: nothing is known to come before it.
        return begins[site.call] if site.call < len(begins) else 0

    def before(self, when: float) -> float:
        """The cost of all operations before a time."""
        return self.spent[int(min(when, len(self.spent))) - 1] if when > 0 else 0.0


_OPERATION = 200_000
"""Fixed cost of an operation, in multiplications: about 20 microseconds."""


def cost_of(operation: Any, args: Any, kwargs: Any, output: Any) -> float:
    """The cost of an operation, in multiplications, derived from the shapes of its arguments."""
    counted = flop_registry.get(getattr(operation, "overloadpacket", operation))
    # The counter has two operations for a multiplication with its addition.
    if counted is not None:
        return _OPERATION + float(counted(*args, **kwargs, out_val=output)) / 2
    tensors = [value for value in operands(args, kwargs) if isinstance(value, Tensor)]
    if not tensors:
        return _OPERATION
    # Fused layers such as a whole LSTM, unknown to the FLOP counter, have their weight matrices
    # among their arguments.
    first, *rest = tensors
    rows = first.numel() / max(1, first.shape[-1]) if first.ndim else 1
    matrices = sum(tensor.numel() for tensor in rest if tensor.ndim == 2 and len(rest) > 3)
    return _OPERATION + first.numel() + rows * matrices


class _Clock(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations, and records when each of the model's own tensors is first used."""

    def __init__(self, own: set[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = 0
        self.used: dict[int, int] = {}
        self.spent = [0.0]
        self.operations: set[str] = set()
        self.counted = 0
        self._own = own

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # As in `check_read`: True, the default, imports torch's compiler at the first operation.
        return False

    def tick(self, cost: float = 0.0) -> None:
        """Advance the time by one, at some cost."""
        self.now += 1
        self.spent.append(self.spent[-1] + cost)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self.tick(cost_of(func, args, kwargs or {}, output))
        self.counted += 1
        self.operations.add(str(getattr(func, "overloadpacket", func)))
        for value in operands(args, kwargs):
            if isinstance(value, Tensor):
                at = address(value)
                if at in self._own:
                    # The first use only: a fault in the tensor has an effect from there on.
                    self.used.setdefault(at, self.now)
        return output


def recorded(model: nn.Module, call: Forward, batch: Any, *, keep: bool = True) -> Recording:
    """Record a fault-free pass call by call; ``keep``: copy the outputs of the modules."""
    tensors = [*model.parameters(), *model.buffers()]
    clock = _Clock({address(tensor) for tensor in tensors})
    calls: list[RecordedCall] = []
    numbers: dict[int, int] = {}
    # By identity and version, since a tensor that was written to in between has another value. The
    # originals are kept, so that no new tensor can get the same identity.
    copies: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def copy(value: Tensor) -> Tensor:
        key = id(value), version(value)
        if key not in copies:
            copies[key] = value, value.detach().clone()
        return copies[key][1]

    def record(module: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            number = numbers.get(id(module), 0)
            numbers[id(module)] = number + 1
            clock.tick()
            found = RecordedCall(module, number, clock.now)
            calls.append(found)
            output = forward(*args, **kwargs)
            clock.tick()
            found.end, found.last = clock.now, len(calls) - 1
            found.output = copied(output, copy) if keep else None
            return output

        return run

    with forwards(model, record), torch.no_grad(), clock:
        call(model, batch)
    # Once each, however many modules return the same tensor.
    nbytes = sum(copy.nbytes for _, copy in copies.values())
    return Recording(calls, clock.used, nbytes, clock.spent, clock.operations, clock.counted)


@contextmanager
def forwards(
    model: nn.Module, instead: Callable[[nn.Module, Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """Replace the ``forward`` of every module by one made from it; hooks still run around it."""
    before: list[tuple[nn.Module, dict[str, Any]]] = []
    try:
        for module in model.modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue  # its forward cannot be replaced, so that it always runs
            own = {name: value for name, value in vars(module).items() if name == "forward"}
            before.append((module, own))
            # Wrapped, since other code may inspect its signature.
            module.__dict__["forward"] = wraps(module.forward)(instead(module, module.forward))
        yield
    finally:
        for module, own in before:
            module.__dict__.pop("forward", None)
            module.__dict__.update(own)


def copied(value: Any, copy: Callable[[Tensor], Tensor]) -> Any:
    """The same containers with copies of the tensors in them; None for any other value."""
    parts, containers = tree_flatten(value, is_leaf=lambda v: type(v) not in (tuple, list, dict))
    if not all(isinstance(part, Tensor) for part in parts):
        return None
    return tree_unflatten(map(copy, parts), containers)
