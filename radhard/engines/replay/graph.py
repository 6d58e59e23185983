"""Which operations does a model carry out, in which order, on which values?"""

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx, nn

from radhard.engines.replay.undivided import TWINS, Undivided
from radhard.targets import Forward

__all__ = ["Graph", "NoGraphError", "Node", "Slot", "traced"]


class NoGraphError(Exception):
    """The model's operations cannot be had as a graph; the message says why."""


@dataclass(frozen=True)
class Slot:
    """Stands for a value of the graph among the arguments of a node."""

    number: int


@dataclass(frozen=True)
class Node:
    """One operation: ``values[slot] = op(*args, **kwargs)``."""

    slot: int
    op: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    modules: tuple[str, ...] = ()
    """Names of the modules that the operation is part of, outermost first."""
    calls: tuple[str, ...] = ()
    """For each of them, which call of the module it is part of, as the exporter marks it."""

    @cached_property
    def inputs(self) -> list[int]:
        """The slots among the arguments, in order."""
        return [slot.number for slot in _slots((self.args, self.kwargs))]

    def __call__(self, values: Callable[[int], Any]) -> Any:
        return self.op(*_filled(self.args, values), **_filled(self.kwargs, values))


@dataclass
class Graph:
    """A model as operations in order; every value has a slot."""

    nodes: list[Node]
    tensors: dict[str, int]
    """Slot of every parameter and buffer, by each of its names."""
    constants: dict[int, Tensor]
    """Values that do not depend on the batch: parameters, buffers, and tensors made in passing."""
    inputs: list[int]
    output: int
    by_sample: set[int] = field(default_factory=set)
    """Slots whose values have the samples, and nothing else, on their first axis."""
    source: str = "torch.export"
    """What made it."""

    def users(self) -> dict[int, list[int]]:
        """Positions in `nodes` of the operations that use each slot."""
        users: dict[int, list[int]] = {}
        for at, node in enumerate(self.nodes):
            for slot in dict.fromkeys(node.inputs):
                users.setdefault(slot, []).append(at)
        return users

    def downstream(self, slots: Sequence[int]) -> list[int]:
        """Positions of the operations that these slots reach, in order."""
        reached = set(slots)
        found = []
        for at, node in enumerate(self.nodes):
            if reached.intersection(node.inputs):
                reached.add(node.slot)
                found.append(at)
        return found

    def narrow(self) -> list[tuple[int, int]]:
        """The operations after which a single value goes on: their positions, and its slot."""
        last = {slot: at for at, node in enumerate(self.nodes) for slot in node.inputs}
        last[self.output] = len(self.nodes)
        live = set(self.inputs)
        found = []
        for at, node in enumerate(self.nodes):
            live = {slot for slot in (*live, node.slot) if last.get(slot, -1) > at}
            if len(live) == 1 and live <= self.by_sample:
                (slot,) = live
                found.append((at, slot))
        return found

    def values(self, inputs: Sequence[Tensor]) -> dict[int, Any]:
        """The value of every slot for a batch."""
        values: dict[int, Any] = {**self.constants, **dict(zip(self.inputs, inputs, strict=True))}
        for node in self.nodes:
            values[node.slot] = node(values.__getitem__)
        return values


def traced(model: nn.Module, call: Forward, batch: Any) -> Graph:
    """The graph of a forward pass, from ``torch.export``; ``batch`` holds at least two samples.

    In-place operations become ordinary ones.

    Raises:
        NoGraphError: torch cannot export the model, or writes into a view that others see.
    """
    wrapped = _Called(model, call)
    try:
        with _quietly(), Undivided():
            exported = torch.export.export(
                wrapped, (batch,), dynamic_shapes=(_any_number(batch),), strict=False
            )
    except Exception as error:  # the exporter raises nearly everything
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise NoGraphError(f"torch.export: {line[:160]}") from None
    return _converted(exported)


@contextmanager
def _quietly() -> Iterator[None]:
    """What the exporter warns of, logs and prints concerns its authors; we say what fails."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


class _Called(nn.Module):
    def __init__(self, model: nn.Module, call: Forward) -> None:
        super().__init__()
        self.model = model
        self._call = call
        self.training = False

    def forward(self, batch: Any) -> Tensor:
        return self._call(self.model, batch)


def _any_number(batch: Any) -> Any:
    if isinstance(batch, Tensor):
        return {0: torch.export.Dim.AUTO}
    if isinstance(batch, dict):
        return {key: _any_number(part) for key, part in batch.items()}
    return type(batch)(_any_number(part) for part in batch)


def _converted(exported: torch.export.ExportedProgram) -> Graph:
    signature = exported.graph_signature
    named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    state = {**exported.state_dict, **exported.constants}
    lifted = signature.inputs_to_lifted_tensor_constants
    slots: dict[fx.Node, int] = {}
    graph = Graph([], {}, {}, [], -1)
    samples: Any = None
    for at, node in enumerate(exported.graph.nodes):
        shape = getattr(node.meta.get("val"), "shape", None)
        if node.op == "placeholder":
            slots[node] = at
            if node.name in named or node.name in lifted:
                name = named.get(node.name) or lifted[node.name]
                tensor = state[name]
                graph.constants[at] = tensor.detach()
                if node.name in named:
                    graph.tensors[name.removeprefix("model.")] = at
            else:
                graph.inputs.append(at)
                graph.by_sample.add(at)
                samples = shape[0] if shape is not None and len(shape) else samples
        elif node.op == "call_function":
            op = TWINS.get(node.target, node.target)
            if op is torch.ops.aten._assert_tensor_metadata.default:
                continue  # what it demands of a dtype holds in every pass
            if isinstance(op, torch._ops.OpOverload) and op._schema.is_mutable:
                op = _functional(node)
                mutated = node.args[0]
                graph.nodes.append(_node(at, op, node, slots))
                slots[mutated] = at
            else:
                graph.nodes.append(_node(at, op, node, slots))
            slots[node] = at
            if shape is not None and len(shape) and str(shape[0]) == str(samples):
                graph.by_sample.add(at)
        elif node.op == "output":
            results = node.args[0]
            if len(results) != 1 or not isinstance(results[0], fx.Node):
                raise NoGraphError("the exported model does not return one tensor")
            graph.output = slots[results[0]]
        else:
            raise NoGraphError(f"the exported graph holds a {node.op!r} node")
    if isinstance(samples, int):
        graph.by_sample.clear()  # exported for one batch size: no axis can be told to be samples
    return graph


def _functional(node: fx.Node) -> Callable[..., Any]:
    """The out-of-place twin of an in-place operation, where no one else sees the write."""
    written = node.args[0]
    name = node.target._schema.name.removeprefix("aten::")  # type: ignore[union-attr]
    overload = node.target._overloadname  # type: ignore[union-attr]
    twin = getattr(torch.ops.aten, name.removesuffix("_"), None)
    if not isinstance(written, fx.Node) or not name.endswith("_") or twin is None:
        raise NoGraphError(f"{node.target} writes in place")
    near = [written, *written.users]
    if any(other is not node and _is_view(other) for other in near) or written.op == "placeholder":
        raise NoGraphError(f"{node.target} writes into a view or an input")
    found: Callable[..., Any] = getattr(twin, overload)
    return found


def _is_view(node: fx.Node) -> bool:
    if not isinstance(node.target, torch._ops.OpOverload):
        return False
    if node.target is torch.ops.aten.to.dtype and isinstance(node.args[0], fx.Node):
        # Another dtype needs memory of its own.
        return bool(node.args[0].meta["val"].dtype == node.meta["val"].dtype)
    returns = node.target._schema.returns
    return any(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def _node(at: int, op: Callable[..., Any], node: fx.Node, slots: dict[fx.Node, int]) -> Node:
    args, kwargs = _replaced(node.args, slots), _replaced(node.kwargs, slots)
    stack = node.meta.get("nn_module_stack", {})
    modules = tuple(str(path).removeprefix("model.") for path, _ in stack.values())
    return Node(at, op, tuple(args), dict(kwargs), modules, tuple(map(str, stack)))


def _slots(value: Any) -> list[Slot]:
    if isinstance(value, Slot):
        return [value]
    if isinstance(value, dict):
        return [slot for part in value.values() for slot in _slots(part)]
    if isinstance(value, list | tuple):
        return [slot for part in value for slot in _slots(part)]
    return []


def _filled(value: Any, values: Callable[[int], Any]) -> Any:
    if isinstance(value, Slot):
        return values(value.number)
    if isinstance(value, dict):
        return {key: _filled(part, values) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_filled(part, values) for part in value])
    return value


def _replaced(value: Any, slots: dict[fx.Node, int]) -> Any:
    """The arguments of a node with slots in the place of nodes."""
    if isinstance(value, fx.Node):
        return Slot(slots[value])
    if isinstance(value, dict):
        return {key: _replaced(part, slots) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_replaced(part, slots) for part in value])
    return value
