"""Which operations does a model carry out, in which order, on which values?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.fx.node import map_aggregate

__all__ = ["Graph", "NoGraphError", "Node", "Slot", "first_line"]


class NoGraphError(Exception):
    """The model's operations cannot be had as a graph; the message says why."""


def first_line(error: Exception) -> str:
    """The beginning of an exception's message, or its kind where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


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
        found: list[int] = []
        map_aggregate(
            (self.args, self.kwargs),
            lambda part: found.append(part.number) if isinstance(part, Slot) else None,
        )
        return found

    def __call__(self, values: Callable[[int], Any]) -> Any:
        def value(part: Any) -> Any:
            return values(part.number) if isinstance(part, Slot) else part

        args, kwargs = map_aggregate((self.args, self.kwargs), value)
        return self.op(*args, **kwargs)


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

    def used(self) -> set[int]:
        """The slots that the output or an operation uses."""
        return {self.output}.union(*(node.inputs for node in self.nodes))

    def users(self) -> dict[int, list[int]]:
        """Positions in `nodes` of the operations that use each slot."""
        users: dict[int, list[int]] = {}
        for at, node in enumerate(self.nodes):
            # Once, though an operation may take a value twice, as in x * x.
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

    def bottlenecks(self) -> list[tuple[int, int]]:
        """The operations after which a single value goes on: their positions, and its slot."""
        last = {slot: at for at, node in enumerate(self.nodes) for slot in node.inputs}
        # The output is used after the end.
        last[self.output] = len(self.nodes)
        live = set(self.inputs)
        found = []
        for at, node in enumerate(self.nodes):
            live = {slot for slot in (*live, node.slot) if last.get(slot, -1) > at}
            # Constants are not live values: they do not depend on the fault.
            if len(live) == 1 and live <= self.by_sample:
                (slot,) = live
                found.append((at, slot))
        return found

    def values(self, inputs: Sequence[Tensor]) -> dict[int, Any]:
        """The value of every slot for a batch.

        Raises:
            NoGraphError: an operation fails, which it does not in the model.
        """
        values: dict[int, Any] = {**self.constants, **dict(zip(self.inputs, inputs, strict=True))}
        for node in self.nodes:
            try:
                values[node.slot] = node(values.__getitem__)
            except (MemoryError, torch.OutOfMemoryError):
                raise
            except Exception as error:  # an operation of the model's, given what it cannot take
                name = getattr(node.op, "__name__", str(node.op))
                raise NoGraphError(
                    f"{self.source}: {name} fails in its graph: {first_line(error)}"
                ) from error
        return values
