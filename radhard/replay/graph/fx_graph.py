"""Which graph does torch.fx make of a model, where it cannot be exported?"""

import itertools
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as nnf

from radhard.forward import Forward, plain
from radhard.internals import has_hooks
from radhard.replay.graph.fx_layers import fx_layer
from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError, Slot

__all__ = ["fx_graph"]

aten: Any = torch.ops.aten


def fx_graph(model: nn.Module, call: Forward, batch: Any) -> Graph:
    """The graph of a forward pass, from ``torch.fx``; ``batch`` holds at least three samples.

    What torch.fx does not look into is an operation of its own: it is carried out whole.

    Raises:
        NoGraphError: torch.fx cannot trace the model, or the model writes in place.
    """
    if not isinstance(batch, Tensor):
        raise NoGraphError("torch.fx: the inputs are several tensors")
    try:
        called = fx.symbolic_trace(_Called(model, call))
    except Exception as error:  # whatever Python says to a value that is not there yet
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise NoGraphError(f"torch.fx: {line[:160]}") from None
    graph = _Conversion(called).graph
    try:
        sizes = [_lengths(graph, batch[:n]) for n in (2, 3)]
    except Exception as error:
        raise NoGraphError(f"torch.fx: its graph fails: {type(error).__name__}") from None
    # At two sizes: an axis of another meaning may have the length of one of them.
    graph.by_sample |= {s for s in sizes[0] if (sizes[0][s], sizes[1].get(s)) == (2, 3)}
    return graph


class _Called(nn.Module):
    def __init__(self, model: nn.Module, call: Forward) -> None:
        super().__init__()
        self.model = model
        self._call = call
        self.training = False

    def forward(self, batch: Any) -> Tensor:
        # `plain` asks its outputs what they are, which those of torch.fx do not know.
        return self.model(batch) if self._call is plain else self._call(self.model, batch)


def _lengths(graph: Graph, batch: Tensor) -> dict[int, int]:
    with torch.no_grad():
        values = graph.values([batch])
    return {s: len(v) for s, v in values.items() if isinstance(v, Tensor) and v.ndim}


_FUNCTIONS: dict[Any, Any] = {
    torch.relu: aten.relu.default,
    nnf.relu: aten.relu.default,
    torch.sigmoid: aten.sigmoid.default,
    torch.tanh: aten.tanh.default,
    torch.flatten: aten.flatten.using_ints,
    torch.cat: aten.cat.default,
    operator.add: aten.add.Tensor,
    torch.add: aten.add.Tensor,
    operator.mul: aten.mul.Tensor,
    operator.sub: aten.sub.Tensor,
}
"""Operations through which a difference can be followed."""


class _Conversion:
    """From the nodes of torch.fx to those of a graph."""

    def __init__(self, called: fx.GraphModule) -> None:
        self._called = called
        self._slots: dict[fx.Node, int] = {}
        self.graph = Graph([], {}, {}, [], -1, source="torch.fx")
        self._fresh = itertools.count()
        for node in called.graph.nodes:
            self._convert(node)

    def _convert(self, node: fx.Node) -> None:
        graph = self.graph
        if node.op == "placeholder":
            slot = next(self._fresh)
            self._slots[node] = slot
            graph.inputs.append(slot)
            graph.by_sample.add(slot)
        elif node.op == "get_attr":
            self._slots[node] = self._constant(str(node.target))
        elif node.op == "output":
            if not isinstance(node.args[0], fx.Node):
                raise NoGraphError("torch.fx: the model does not return one tensor")
            graph.output = self._slots[node.args[0]]
        elif node.op == "call_module":
            self._layer(node)
        else:
            self._call(node)

    def _constant(self, name: str) -> int:
        names = self.graph.tensors
        own = name.removeprefix("model.")
        if own not in names:
            value: Any = self._called
            for part in name.split("."):
                value = getattr(value, part)
            if not isinstance(value, Tensor):
                raise NoGraphError(f"torch.fx: {own} is no tensor")
            names[own] = next(self._fresh)
            self.graph.constants[names[own]] = value.detach()
        return names[own]

    def _layer(self, node: fx.Node) -> None:
        module = self._called.get_submodule(str(node.target))
        # A layer that overwrites its input is like any other where nothing else reads that input.
        written = bool(getattr(module, "inplace", False))
        if written and any(len(source.users) > 1 for source in node.all_input_nodes):
            raise NoGraphError(f"torch.fx: {node.target} writes in place")
        # An embedding with a largest norm scales rows of its own weight down.
        if getattr(module, "max_norm", None) is not None:
            raise NoGraphError(f"torch.fx: {node.target} writes into its weight")
        named = dict(module.named_parameters()) | dict(module.named_buffers())
        slots = {name: Slot(self._constant(f"{node.target}.{name}")) for name in named}
        args, kwargs = self._arguments(node)
        # A hook, such as that of a guard, may change what the layer takes or gives.
        hooked = has_hooks(module)
        op, args = (None, args) if kwargs or hooked else fx_layer(module, args, slots)
        if op is None:
            kwargs = {"args": self._arguments(node)[0], "kwargs": kwargs, "tensors": slots}
            op, args = _Opaque(module), ()
        self._append(node, op, args, kwargs)

    def _call(self, node: fx.Node) -> None:
        args, kwargs = self._arguments(node)
        op: Callable[..., Any]
        if node.op == "call_method":
            name = str(node.target)
            in_place = name.endswith("_") and not name.endswith("__")
            op = _Method(name)
        else:
            assert callable(node.target)
            name = getattr(node.target, "__name__", str(node.target))
            in_place = name in _WRITING or name.endswith("_") or bool(kwargs.get("inplace"))
            op = node.target
            # An operation with unknown arguments stays itself, and computes whole values.
            if op in _FUNCTIONS and set(kwargs) <= {"inplace"} and self._plain(op, args):
                op, kwargs = _FUNCTIONS[op], {}
        if in_place or "out" in kwargs or kwargs.get("max_norm") is not None:
            raise NoGraphError(f"torch.fx: {name} writes in place")
        self._append(node, op, args, kwargs)

    def _plain(self, op: Any, args: tuple[Any, ...]) -> bool:
        """Whether a sum or product is one of two values."""
        two = _FUNCTIONS[op] in (aten.add.Tensor, aten.mul.Tensor, aten.sub.Tensor)
        return not two or (len(args) == 2 and all(isinstance(arg, Slot) for arg in args))

    def _arguments(self, node: fx.Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        def slot(found: fx.Node) -> Any:
            return Slot(self._slots[found])

        args: Any = fx.node.map_arg(node.args, slot)
        kwargs: Any = fx.node.map_arg(node.kwargs, slot)
        return args, dict(kwargs)

    def _append(
        self, node: fx.Node, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        stack = node.meta.get("nn_module_stack") or {}
        modules = tuple(str(path).removeprefix("model.") for path, _ in stack.values())
        slot = next(self._fresh)
        self._slots[node] = slot
        calls = tuple(map(str, stack))
        self.graph.nodes.append(Node(slot, op, args, kwargs, modules, calls))


_WRITING = {"iadd", "isub", "imul", "itruediv", "setitem"}


class _Method:
    """A method of the first argument."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(args[0], self._name)(*args[1:], **kwargs)


class _Opaque:
    """A module that is carried out whole, with the tensors that it is given."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def __call__(
        self, *, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: dict[str, Tensor]
    ) -> Any:
        # Given as dictionaries of torch.fx that refuse to be written to, which this function does.
        return torch.func.functional_call(self._module, dict(tensors), args, dict(kwargs))
