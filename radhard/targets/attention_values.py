"""Which attention is computed in a forward pass, by which modules?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import Forward
from radhard.internals import function_mode
from radhard.targets.attention_mode import PARTS, AttentionMode, Part
from radhard.tree import leaves
from radhard.workload import Workload
from radhard.workload.calls import Flow, ModuleCall, computing_modules, short_pass
from radhard.workload.geometry import different, geometry, repeated
from radhard.workload.hooks import module_hooks

__all__ = ["ModuleAttention", "attention_of", "recorded_attention", "value_name"]

_WEIGHING = {
    *("matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "baddbmm", "einsum"),
    *("mul", "__mul__", "__rmul__", "multiply"),
}
"""Names of functions in which probabilities weigh values."""


@dataclass
class ModuleAttention:
    """One attention in one call of a module; the innermost module in whose forward it is."""

    call: ModuleCall
    calls: int
    """How often the module is called in a pass."""
    order: int
    """Its number among those of this call, also of other softmaxes."""
    flows: dict[Part, Flow] = field(default_factory=dict)
    """Its values, of those parts that can be reached."""
    values: dict[Part, Tensor] = field(default_factory=dict)
    """What these are for a batch of two samples, different ones if there are any."""

    def name_of(self, part: str) -> str:
        """The name of one of its values, as of a site."""
        return named(self.call.name, part, self.order)


def attention_of(workload: Workload) -> list[ModuleAttention]:
    """Every attention of one forward pass, in order.

    Raises:
        InputError: there are no data, or the model computes differently for some samples than for
            others.
    """
    calls = {(call.module, call.number): call for call in workload.module_calls()}
    model, inputs = workload.model, workload.data.inputs
    batches = [repeated(inputs, 2), repeated(inputs, 3), different(inputs)]
    two, three, mixed = (
        [] if batch is None else _seen(model, batch, workload.call) for batch in batches
    )
    mixed = mixed if batches[2] is not None else two
    if not _keys(two) == _keys(three) == _keys(mixed):
        raise InputError(
            "the model computes other attention for some samples than for others; faults in what "
            "flows need a forward pass that always takes the same way"
        )
    found = []
    for a, b, c in zip(two, three, mixed, strict=True):
        call = calls[a.module, a.call]
        many = sum(module == a.module for module, _ in calls)
        one = ModuleAttention(call, many, a.order)
        for part in PARTS:
            if part not in a.values or not a.values[part].is_floating_point():
                continue
            shape, axis, trouble = geometry(a.values[part], b.values[part], c.values[part])
            dtype = str(a.values[part].dtype).removeprefix("torch.")
            one.flows[part] = Flow((part,), shape, axis, dtype, fresh=True, trouble=trouble)
            one.values[part] = c.values[part]
        found.append(one)
    return found


def recorded_attention(model: nn.Module, batch: Any, forward: Forward) -> dict[str, Tensor]:
    """Every value of attention in one pass, by the name of its site."""
    return {
        value_name(one.module, one.call, part, one.order): value
        for one in _seen(model, batch, forward)
        for part, value in one.values.items()
    }


def value_name(module: str, call: int, part: str, order: int) -> str:
    """The name of a value of the attention that a module computes in one of its calls."""
    return named(f"{module or '(model)'}{f'@{call}' * bool(call)}", part, order)


def named(call: str, part: str, order: int) -> str:
    """The name of a value of the attention that is computed in a call of a module."""
    return f"{call}:{part}" + (f".{order}" if order else "")


@dataclass
class _Seen:
    """The values of one attention, or of a softmax that may be that of one."""

    module: str
    call: int
    order: int
    values: dict[Part, Tensor] = field(default_factory=dict)
    weighs: bool = False
    """Whether something is multiplied by its probabilities."""


def _keys(seen: list[_Seen]) -> list[tuple[str, int, int, tuple[Part, ...]]]:
    return [(one.module, one.call, one.order, tuple(one.values)) for one in seen]


def _seen(model: nn.Module, batch: Any, forward: Forward) -> list[_Seen]:
    visitor = _Observer()
    with (
        evaluating(model),
        torch.no_grad(),
        module_hooks(computing_modules(model), before=visitor.enter, after=visitor.leave),
        function_mode(AttentionMode(visitor)),
    ):
        short_pass(model, batch, forward)
    return [one for one in visitor.seen if one.weighs or "output" in one.values]


class _Observer:
    """Notes all values, and which softmaxes are those of an attention."""

    def __init__(self) -> None:
        self.seen: list[_Seen] = []
        self._open: list[_Seen] = []
        """Of each open call of a module, what the next attention in it is."""
        self._times: dict[str, int] = {}
        self._probabilities: list[tuple[Tensor, _Seen]] = []

    def enter(self, name: str, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        number = self._times.get(name, 0)
        self._times[name] = number + 1
        self._open.append(_Seen(name, number, 0))

    def leave(self, name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG002
        self._open.pop()

    def is_watching(self) -> bool:
        return bool(self._open)

    def begin(self) -> None:
        coming = self._open[-1]
        self.seen.append(coming)
        self._open[-1] = _Seen(coming.module, coming.call, coming.order + 1)

    def needs(self, part: Part) -> bool:  # noqa: ARG002
        return True

    def visit(self, part: Part, value: Tensor) -> Tensor:
        one = self.seen[-1]
        # A copy, as the model may go on to write into it.
        one.values[part] = value.detach().clone()
        if part == "probabilities":
            self._probabilities.append((value, one))
        return value

    def after(self, func: Callable[..., Any], args: Any, kwargs: Any, result: Any) -> None:
        if not self._probabilities:
            return
        given = [tensor for _, tensor in leaves((args, kwargs))]
        for tensor, one in self._probabilities[:]:
            # By identity: another tensor with equal values is another value.
            if not any(tensor is other for other in given):
                continue
            if getattr(func, "__name__", "") in _WEIGHING and len(given) > 1:
                one.weighs = True
            elif isinstance(result, Tensor) and result.numel() == tensor.numel():
                # Dropout, another dtype or another shape: the same probabilities.
                self._probabilities.append((result, one))
