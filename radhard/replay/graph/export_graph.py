"""Which graph does torch.export make of a model?"""

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from typing import Any

import torch
from torch import Tensor, fx, nn

from radhard.datasets.batch import mapped
from radhard.forward import Forward
from radhard.internals import OpOverload, schema
from radhard.replay.graph.batch_sizes import FixedGraph, for_any_size
from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError, Slot, first_line
from radhard.replay.graph.recurrent_stand_ins import STAND_INS, RecurrentStandIns
from radhard.replay.graph.samples_first_attention import SamplesFirstAttention, without_returns
from radhard.replay.graph.split_parts import part_of, parts_are_slices
from radhard.tree import tree_map

__all__ = ["exported_graph"]


def exported_graph(model: nn.Module, call: Forward, batch: Any) -> Graph:
    """The graph of a forward pass, from ``torch.export``; ``batch`` holds at least two samples.

    In-place operations become ordinary ones. Where the forward pass asks in Python how many samples
    there are, as ``len(x)`` does, the exporter makes a graph for this number only; then graphs for
    several numbers are made into one.

    Raises:
        NoGraphError: torch cannot export the model, or writes into a view that others see, or the
            graph holds for some batch sizes only.
    """
    with _quietly():
        first = _exported(model, call, batch)
        if not isinstance(first, FixedGraph):
            return without_returns(first)
        others = [_exported(model, call, _longer(batch, more)) for more in _MORE]
    made = [first, *(other for other in others if isinstance(other, FixedGraph))]
    if len(made) != len(others) + 1:
        raise NoGraphError("torch.export: the model's operations are others for another batch size")
    try:
        return without_returns(for_any_size(made))
    except NoGraphError as error:
        raise NoGraphError(f"torch.export: {error}") from None


_MORE = (2, 5)
"""Samples by which batches are longer that a graph is made for as well."""


def _exported(model: nn.Module, call: Forward, batch: Any) -> Graph | FixedGraph:
    """The graph for any batch size, or for this one where the exporter takes it for a constant."""
    wrapped = _Called(model, call)
    # Only the first axis may vary; the exporter finds out whether it can.
    sizes = tree_map(lambda _: {0: torch.export.Dim.AUTO}, batch)
    try:
        with RecurrentStandIns(), SamplesFirstAttention():
            exported = torch.export.export(wrapped, (batch,), dynamic_shapes=(sizes,), strict=False)
    except Exception as error:  # the exporter raises nearly everything
        raise NoGraphError(f"torch.export: {first_line(error)}") from None
    return _converted(exported)


def _longer(batch: Any, more: int) -> Any:
    """The batch with its first samples again at the end."""
    return mapped(batch, lambda tensor: tensor[torch.arange(len(tensor) + more) % len(tensor)])


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


def _converted(exported: torch.export.ExportedProgram) -> Graph | FixedGraph:
    slots: dict[fx.Node, int] = {}
    graph = Graph([], {}, {}, [], -1)
    samples: Any = None
    lengths: dict[int, Any] = {}
    constants = _constants(exported)
    for at, node in enumerate(exported.graph.nodes):
        shape = getattr(node.meta.get("val"), "shape", None)
        if node.op == "placeholder":
            slots[node] = at
            if node.name in constants:
                name, graph.constants[at] = constants[node.name]
                if name is not None:
                    graph.tensors[name] = at
            else:
                graph.inputs.append(at)
                graph.by_sample.add(at)
                # The symbol that stands for the batch size, or a number where the exporter took it
                # for a constant.
                samples = _size(shape[0]) if shape is not None and len(shape) else samples
        elif node.op == "call_function":
            if not _call_added(graph, at, node, slots):
                continue
            if shape is not None and len(shape):
                lengths[at] = _size(shape[0])
                # As text: two symbolic sizes compare by adding a guard, which would restrict the
                # graph.
                if str(shape[0]) == str(samples):
                    graph.by_sample.add(at)
        elif node.op == "output":
            results = node.args[0]
            if len(results) != 1 or not isinstance(results[0], fx.Node):
                raise NoGraphError("the exported model does not return one tensor")
            graph.output = slots[results[0]]
        else:
            raise NoGraphError(f"the exported graph holds a {node.op!r} node")
    if isinstance(samples, int):
        return FixedGraph(graph, samples, lengths)
    if samples is not None:
        _check_any_size(exported, samples)
    return graph


def _constants(exported: torch.export.ExportedProgram) -> dict[str, tuple[str | None, Tensor]]:
    """By the names of placeholders, what does not depend on the batch.

    Parameters and buffers have their names in the model; constants of its code have none.
    """
    signature = exported.graph_signature
    state = {**exported.state_dict, **exported.constants}
    named = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    lifted = signature.inputs_to_lifted_tensor_constants
    return {
        **{key: (None, state[name].detach()) for key, name in lifted.items()},
        **{key: (name.removeprefix("model."), state[name].detach()) for key, name in named.items()},
    }


def _call_added(graph: Graph, at: int, node: fx.Node, slots: dict[fx.Node, int]) -> bool:
    """Whether a call is an operation of the graph, to which it is then added."""
    op = {**STAND_INS, **_ANY_LAYOUT}.get(node.target, node.target)
    if op is torch.ops.aten._assert_tensor_metadata.default:
        return False  # what it demands of a dtype holds in every pass
    if parts_are_slices(node):
        return False
    part = part_of(node)
    if part is not None:
        graph.nodes.append(_node(at, torch.ops.aten.slice.Tensor, node, slots, part))
    elif isinstance(op, OpOverload) and schema(op).is_mutable:
        op = _functional(node)
        mutated = node.args[0]
        assert isinstance(mutated, fx.Node)
        graph.nodes.append(_node(at, op, node, slots))
        # Whoever reads the tensor after the write reads the result of the twin.
        slots[mutated] = at
    else:
        graph.nodes.append(_node(at, op, node, slots))
    slots[node] = at
    return True


_ANY_LAYOUT: Mapping[Any, Any] = {torch.ops.aten.view.default: torch.ops.aten.reshape.default}
"""A view of channels-last memory cannot always be had; where it can, the values are the same."""


def _size(length: Any) -> Any:
    """A length as the exporter knows it: a plain number where it took it for a constant."""
    if isinstance(length, torch.SymInt) and length.node.expr.is_number:
        return int(length.node.expr)
    return length


def _check_any_size(exported: torch.export.ExportedProgram, samples: Any) -> None:
    """See that the exporter did not find a limit, as where a forward pass compares the size."""
    allowed = exported.range_constraints.get(samples.node.expr)
    if allowed is not None and (allowed.lower > 2 or allowed.upper < _MANY):
        raise NoGraphError(
            f"torch.export: its graph holds for {allowed.lower} to {allowed.upper} samples only"
        )


_MANY = 2**20
"""Samples in a batch that no engine exceeds."""


def _functional(node: fx.Node) -> Callable[..., Any]:
    """The out-of-place twin of an in-place operation, where no one else sees the write."""
    assert isinstance(node.target, OpOverload)
    written, form = node.args[0], schema(node.target)
    name = form.name.removeprefix("aten::")
    twin = getattr(torch.ops.aten, name.removesuffix("_"), None)
    if not isinstance(written, fx.Node) or not name.endswith("_") or twin is None:
        raise NoGraphError(f"{node.target} writes in place")
    # Another name for the same memory would see the write, and the twin makes none.
    near = [written, *written.users]
    if any(other is not node and _is_view(other) for other in near) or written.op == "placeholder":
        raise NoGraphError(f"{node.target} writes into a view or an input")
    found: Callable[..., Any] = getattr(twin, form.overload_name or "default")
    return found


def _is_view(node: fx.Node) -> bool:
    if not isinstance(node.target, OpOverload):
        return False
    if node.target is torch.ops.aten.to.dtype and isinstance(node.args[0], fx.Node):
        # Another dtype needs memory of its own.
        return bool(node.args[0].meta["val"].dtype == node.meta["val"].dtype)
    returns = schema(node.target).returns
    return any(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def _node(
    at: int,
    op: Callable[..., Any],
    node: fx.Node,
    slots: dict[fx.Node, int],
    arguments: tuple[Any, ...] | None = None,
) -> Node:
    """The operation of a node; ``arguments`` are those of another one in its place."""

    def slot(found: fx.Node) -> Any:
        return Slot(slots[found])

    args: Any = fx.node.map_arg(node.args if arguments is None else arguments, slot)
    kwargs: Any = fx.node.map_arg(node.kwargs if arguments is None else {}, slot)
    stack = node.meta.get("nn_module_stack", {})
    modules = tuple(str(path).removeprefix("model.") for path, _ in stack.values())
    return Node(at, op, args, kwargs, modules, tuple(map(str, stack)))
