"""What is a gate of a recurrent layer, as a module?"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn

from radhard.internals import hook_count

__all__ = ["Gate", "GateFunction", "Guard", "RecurrentGates"]

GateFunction = Literal["sigmoid", "tanh", "relu", "identity"]

_FUNCTIONS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


class Guard(Protocol):
    """A child of a gate whose hook changes some of its values."""

    @property
    def clamps(self) -> bool:
        """Whether it changes values out of its bounds by no more than they are out of them."""
        ...

    def within(self, values: Tensor) -> bool:
        """Whether it is known to change none of these values, ``(rows, hidden)``."""
        ...

    def rows_within(self, values: Tensor) -> Tensor:
        """In which rows it is known to change none of these values, ``(rows,)``."""
        ...

    def before(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments that replace those of the gate, if its side is the input."""
        ...

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:
        """The values that replace those of the gate, if its side is the output."""
        ...


class Gate(nn.Module):
    """The activation function of one gate: a place for hooks, called at every step.

    The cell state of an LSTM passes a gate too, whose function is the identity; what it returns is
    the state that the step leaves behind. Takes and returns ``(rows, hidden)``.
    """

    def __init__(self, function: GateFunction) -> None:
        super().__init__()
        self.function: GateFunction = function
        self.guards: dict[str, Literal["input", "output"]] = {}
        """The side of each child that is a `Guard`."""

    def forward(self, values: Tensor) -> Tensor:
        """The values of the gate, from its sums."""
        return values if self.function == "identity" else _FUNCTIONS[self.function](values)

    def guarded(self, values: Tensor) -> Tensor:
        """What a call returns without any hooks but those of its guards."""
        args: tuple[Any, ...] = (values,)
        for name, side in self.guards.items():
            if side == "input":
                args = self.guard(name).before(args)
        output = self.forward(*args)
        for name, side in self.guards.items():
            if side == "output":
                output = self.guard(name).after(args, output)
        return output

    @property
    def is_watched(self) -> bool:
        """Whether it has hooks other than those of its guards, which have to see every step."""
        return hook_count(self) != len(self.guards)

    def guard(self, name: str) -> Guard:
        """One of the guards."""
        return cast(Guard, self._modules[name])

    def extra_repr(self) -> str:
        """The function, as `torch.nn.Module` prints it."""
        return repr(self.function)


class RecurrentGates(nn.Module):
    """The gates of all layers and directions of a recurrent layer, such as ``i_l0_reverse``."""

    def __init__(self, functions: Mapping[str, GateFunction], ends: Sequence[str]) -> None:
        super().__init__()
        for end in ends:
            for name, function in functions.items():
                self.add_module(f"{name}{end}", Gate(function))
        self._names = tuple(functions)

    def of(self, end: str) -> list[Gate]:
        """The gates of one layer and direction, in the order of the rows of its weights."""
        # Looked up directly: in a small network such microseconds dominate the cost.
        return [cast(Gate, self._modules[f"{name}{end}"]) for name in self._names]
