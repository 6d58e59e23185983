"""Which graph do the operations make that a model carries out in a pass?"""

import itertools
import operator
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.fx.node import map_aggregate
from torch.overrides import TorchFunctionMode

from radhard.datasets.batch import mapped
from radhard.forward import Forward
from radhard.internals import (
    OpOverload,
    is_compiled,
    is_transforming,
    operations_passed_to,
    schema,
)
from radhard.replay.graph.batch_sizes import FixedGraph, for_any_size
from radhard.replay.graph.operation_graph import Graph, Node, NoGraphError, Slot, first_line
from radhard.replay.graph.samples_first_attention import SamplesFirstAttention, without_returns
from radhard.replay.graph.samples_in_front import with_samples_in_front
from radhard.replay.graph.split_parts import SPLITTING
from radhard.state.memory import address
from radhard.state.state import State
from radhard.tree import operands, tree_leaves
from radhard.workload.hooks import module_hooks

__all__ = ["recorder_graph"]

aten: Any = torch.ops.aten

_LONGER = (-1, 0, 2)
"""Samples by which the batches are longer for which the operations are recorded. Two sizes tell a
number that depends on the size from one that does not, and the third in which way; larger ones
would tell no more, and take longer."""


def recorder_graph(model: nn.Module, call: Forward, batch: Any) -> Graph:
    """The graph of the operations of a pass; ``batch`` holds at least three samples.

    The model computes batches of three sizes, and each operation is noted as torch is asked for it.
    This takes a tenth of the time of an export. It is refused where an export could know more: the
    model looks at values in Python, draws random numbers, or writes where others see it.

    Raises:
        NoGraphError: an operation cannot be noted, or the operations depend on the batch size in
            another way than by lengths.
    """
    modules = list(model.modules())
    if any(is_compiled(m) or isinstance(m, torch.jit.ScriptModule) for m in modules):
        raise NoGraphError("a recorded pass: the model holds compiled modules")
    count = len(tree_leaves(batch)[0])
    state = State(model, parameters=False)
    recorders: list[_Recorder] = []
    made = []
    try:
        for more in _LONGER:
            rows = torch.arange(count + more) % count
            recorders.append(_Recorder(model))
            made.append(recorders[-1].record(call, _chosen(batch, rows)))
            # As whole passes do, each begins with what the model held before.
            state.restore()
        _check_origins(recorders, made)
        graph = with_samples_in_front(for_any_size(made), recorders[0].ranks)
        return replace(without_returns(graph), source="a recorded pass")
    except NoGraphError as error:
        raise NoGraphError(f"a recorded pass: {error}") from None
    finally:
        state.restore()


def _chosen(batch: Any, rows: Tensor) -> Any:
    return mapped(batch, lambda tensor: tensor[rows])


def _check_origins(recorders: "list[_Recorder]", made: Sequence[FixedGraph]) -> None:
    """See that every constant was there before the passes, or came from numbers of Python.

    Others were made during a pass where no operation could be noted, as in a compiled function or
    in another thread, maybe from parameters. And see that no memory is read to which nothing is
    known to have been written.

    Raises:
        NoGraphError: one of them was not.
    """
    first = made[0].graph
    known = {*first.tensors.values(), *recorders[0].lifted}
    for slot in first.constants.keys() - known:
        tensors = [one.graph.constants[slot] for one in made if slot in one.graph.constants]
        if len({address(tensor) for tensor in tensors}) > 1:
            raise NoGraphError("a tensor is made in the forward pass in an unknown way")
    empty = {node.slot for node in first.nodes if node.op in _EMPTY}
    for node in first.nodes:
        read = node.inputs[1:] if node.op in _OVERWRITING else node.inputs
        if empty.intersection(read):
            raise NoGraphError(f"{node.op} reads memory that no operation wrote to")


_EMPTY: set[Any] = {
    aten.empty.memory_format,
    aten.empty_like.default,
    aten.empty_permuted.default,
    aten.empty_strided.default,
    aten.new_empty.default,
    aten.new_empty_strided.default,
}

_OVERWRITING: set[Any] = {
    aten.copy.default,
    aten.fill.Scalar,
    aten.fill.Tensor,
    aten.zero.default,
}
"""Operations that do not read their first argument."""


class _Recorder:
    """Notes the operations of one pass."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._graph = Graph([], {}, {}, [], -1)
        self._fresh = itertools.count()
        self._slots: dict[int, int] = {}
        self._lengths: dict[int, int] = {}
        self.ranks: dict[int, int] = {}
        """The number of axes of each value."""
        # All tensors stay alive, so that no other gets the identity or the memory of one of them.
        self._sharing: dict[int, list[Tensor]] = {}
        self._calls: Counter[str] = Counter()
        self._stack: list[tuple[str, str]] = []
        self._refused: NoGraphError | None = None
        self.lifted: set[int] = set()
        """Slots of constants that were made from numbers of Python."""
        for named in (model.named_parameters, model.named_buffers):
            for name, tensor in named(remove_duplicate=False):
                slot = self._slots.get(id(tensor))
                self._graph.tensors[name] = self._constant(tensor) if slot is None else slot

    def record(self, call: Forward, batch: Any) -> FixedGraph:
        """Note the operations of the pass of a batch."""
        tensors = tree_leaves(batch)
        self._graph.inputs = [self._enter(tensor) for tensor in tensors]
        modules = dict(self._model.named_modules())
        try:
            with (
                torch.no_grad(),
                # Around other hooks, whose operations are part of the call as well.
                module_hooks(modules, before=self._begin, first=True),
                module_hooks(modules, after=self._end),
                SamplesFirstAttention(),
                _Values(self._refuse),
                operations_passed_to(self._carry_out),
            ):
                outputs = call(self._model, batch)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever a model says to a batch of this size
            raise self._refused or NoGraphError(first_line(error)) from error
        if self._refused is not None:
            raise self._refused
        if not isinstance(outputs, Tensor) or id(outputs) not in self._slots:
            raise NoGraphError("the output is not that of an operation")
        self._graph.output = self._slots[id(outputs)]
        self._graph.nodes = _used(self._graph)
        slots = {*self._graph.inputs, *(node.slot for node in self._graph.nodes)}
        lengths = {slot: self._lengths[slot] for slot in slots & self._lengths.keys()}
        return FixedGraph(self._graph, len(tensors[0]), lengths)

    def _begin(self, name: str, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        self._stack.append((name, f"{name}@{self._calls[name]}"))
        self._calls[name] += 1

    def _end(self, name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG002
        # Calls that were left by an exception, which the model caught, did not end here.
        while self._stack.pop()[0] != name:
            pass

    def _carry_out(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry an operation out, and note it."""
        try:
            _check_plain(op, args, kwargs)
            noted = self._out_of_place(op, args)
            given = map_aggregate((args, kwargs), self._given)
            if op in _LIFTING:
                self.lifted.add(given[0][0].number)
            if schema(op).is_mutable:
                _check_alike(op, args[0], noted(*args, **kwargs))
            outputs = op(*args, **kwargs)
            self._note(noted, *given, outputs)
            if schema(op).is_mutable:
                for same in self._sharing[address(args[0])]:
                    self._slots[id(same)] = self._slots[id(outputs)]
        except NoGraphError as error:
            self._refuse(error)
        return outputs

    def _refuse(self, error: NoGraphError) -> NoReturn:
        # Kept as well, as the model may catch what is raised.
        self._refused = self._refused or error
        raise error

    def _out_of_place(self, op: OpOverload, args: tuple[Any, ...]) -> Callable[..., Any]:
        """What an operation computes; it may write to its first argument, which no view sees."""
        found: Callable[..., Any]
        form = schema(op)
        if not form.is_mutable:
            found = _ANY_LAYOUT.get(op, op)
            return found
        name = form.name.removeprefix("aten::")
        twin = getattr(aten, name.removesuffix("_"), None)
        # What `torch.tensor` ends with exchanges no axes.
        turns = torch.Tag.inplace_view in op.tags and op is not aten.detach_.default
        if not name.endswith("_") or twin is None or turns:
            raise NoGraphError(f"{op} writes in place")
        sharing = self._sharing.get(address(args[0]), [])
        fixed = {*self._graph.constants, *self._graph.inputs}
        if not sharing or any(
            _geometry(one) != _geometry(args[0]) or self._slots[id(one)] in fixed for one in sharing
        ):
            raise NoGraphError(f"{op} writes into a view, an input or a tensor of the model")
        found = getattr(twin, form.overload_name or "default")
        return found

    def _given(self, value: Any) -> Any:
        """The slot of a tensor that an operation is given; any other value as it is."""
        if not isinstance(value, Tensor):
            return value
        slot = self._slots.get(id(value))
        if slot is None:
            slot = self._slot_of_same(value)
        return Slot(self._constant(value) if slot is None else slot)

    def _slot_of_same(self, tensor: Tensor) -> int | None:
        """The slot of a tensor that is the same memory; None if the memory is another one.

        The tensor was not made by an operation: it may be one that torch wrapped anew, as what
        `torch.zeros` returns, or what `.data` is, or have been kept since before the pass.
        """
        sharing = self._sharing.get(address(tensor), [])
        if not sharing or tensor.numel() == 0:
            return None
        for one in sharing:
            if _geometry(one) == _geometry(tensor):
                sharing.append(tensor)
                self._slots[id(tensor)] = self._slots[id(one)]
                return self._slots[id(tensor)]
        raise NoGraphError("a tensor shares its memory with another one")

    def _note(self, op: Callable[..., Any], args: Any, kwargs: Any, outputs: Any) -> None:
        """Note an operation; its parts as slices where it splits a tensor into them."""
        if isinstance(outputs, Tensor):
            self._append(op, args, kwargs, outputs)
            return
        if not isinstance(outputs, tuple | list) or not outputs:
            raise NoGraphError(f"the model looks at values: {op}")
        if not all(isinstance(part, Tensor) for part in outputs):
            raise NoGraphError(f"{op} returns more than tensors")
        axis = args[2] if len(args) > 2 else 0
        if op in SPLITTING and not kwargs and axis % outputs[0].ndim != 0:
            ends = [0, *itertools.accumulate(part.shape[axis] for part in outputs)]
            for begin, part in zip(ends, outputs, strict=False):
                part_args = (args[0], axis % part.ndim, begin, begin + part.shape[axis])
                self._append(aten.slice.Tensor, part_args, {}, part)
            return
        slot = self._append(op, args, kwargs, None)
        for number, part in enumerate(outputs):
            self._append(operator.getitem, (Slot(slot), number), {}, part)

    def _append(self, op: Callable[..., Any], args: Any, kwargs: Any, output: Tensor | None) -> int:
        slot = next(self._fresh) if output is None else self._enter(output)
        modules, calls = zip(*self._stack, strict=True) if self._stack else ((), ())
        self._graph.nodes.append(Node(slot, op, tuple(args), dict(kwargs), modules, calls))
        return slot

    def _constant(self, tensor: Tensor) -> int:
        slot = self._enter(tensor)
        self._graph.constants[slot] = tensor.detach()
        return slot

    def _enter(self, tensor: Tensor) -> int:
        """A new slot for a tensor, which is the same as before where it was written to."""
        if id(tensor) not in self._slots:
            self._sharing.setdefault(address(tensor), []).append(tensor)
        slot = next(self._fresh)
        self._slots[id(tensor)] = slot
        self.ranks[slot] = tensor.ndim
        if tensor.ndim:
            self._lengths[slot] = len(tensor)
        return slot


class _Values(TorchFunctionMode):
    """Within it, what gives the values of a tensor to Python without an operation is refused."""

    def __init__(self, refuse: Callable[[NoGraphError], NoReturn]) -> None:
        super().__init__()
        self._refuse = refuse

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _LOOKS:
            self._refuse(NoGraphError(f"the model looks at values: {func.__name__}"))
        return func(*args, **(kwargs or {}))


_LOOKS: set[Any] = {
    Tensor.tolist,
    Tensor.numpy,
    Tensor.__array__,
    Tensor.data_ptr,
    Tensor.untyped_storage,
    Tensor.storage,
    Tensor.__dlpack__,
}


def _geometry(tensor: Tensor) -> tuple[object, ...]:
    """Equal for tensors of one memory that have the same elements in the same places."""
    return tensor.dtype, tensor.shape, tensor.stride(), tensor.storage_offset()


_ANY_LAYOUT: Mapping[Any, Any] = {aten.view.default: aten.reshape.default}
"""As of an exported graph: a view of channels-last memory cannot always be had."""


def _check_plain(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse an operation that need not be the same in every pass."""
    if not isinstance(op, OpOverload):
        raise NoGraphError(f"{op} holds operations of its own")
    if torch.Tag.nondeterministic_seeded in op.tags and not _is_certain(op, args, kwargs):
        raise NoGraphError(f"{op} draws random numbers")
    parts = operands(args, kwargs)
    if any(isinstance(part, torch.ScriptObject) for part in parts):
        raise NoGraphError(f"{op} takes what is no tensor, such as packed weights")
    tensors = [part for part in parts if isinstance(part, Tensor)]
    masks = any(tensor.dtype in (torch.bool, torch.uint8) for tensor in tensors[1:])
    tagged = op.tags and _BY_VALUE.intersection(op.tags) and (op is not aten.index.Tensor or masks)
    if tagged or op in _SHAPED_BY_VALUES:
        raise NoGraphError(f"the model looks at values: {op}")
    if any(
        type(t) not in _PLAIN or t.layout is not torch.strided or t.is_quantized for t in tensors
    ):
        raise NoGraphError(f"{op} takes tensors of a special kind")
    if is_transforming() or any(
        torch.is_autocast_enabled(kind) for kind in {t.device.type for t in tensors}
    ):
        raise NoGraphError(f"{op} is computed in another way, as in an autocast")


_BY_VALUE = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}

_SHAPED_BY_VALUES: set[Any] = {
    aten.argwhere.default,
    aten.nonzero_numpy.default,
    aten.repeat_interleave.self_Tensor,
    aten.tensor_split.tensor_indices_or_sections,
    aten.where.default,
}
"""Operations that torch does not tag, as they are made of tagged ones."""

_LIFTING: set[Any] = {aten.lift_fresh.default, aten.lift_fresh_copy.default, aten.lift.default}


def _check_alike(op: OpOverload, written: Tensor, twin: Tensor) -> None:
    """See that an operation gives what it would write in place, in the same kind of numbers."""
    if twin.dtype != written.dtype or twin.shape != written.shape:
        raise NoGraphError(f"{op} writes in place what does not have the type or shape of before")


_PLAIN = (Tensor, nn.Parameter, nn.Buffer)


def _is_certain(op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether an operation that can draw random numbers is told not to."""
    given = dict(zip((argument.name for argument in schema(op).arguments), args, strict=False))
    given |= kwargs
    # Of recurrent layers the dropout counts in training only.
    if "train" in given:
        return given["train"] is False
    return op is _ATTENTION and given.get("dropout_p", 0.0) == 0.0


_ATTENTION = aten.scaled_dot_product_attention.default


def _used(graph: Graph) -> list[Node]:
    """The operations without parts of others that nothing uses."""
    used = graph.used()
    parts = (operator.getitem, aten.slice.Tensor)
    return [node for node in graph.nodes if node.slot in used or node.op not in parts]
