"""How is an activation bounded?"""

from typing import Any, Literal

import torch
from torch import Tensor

from radhard.hardenings.bounds.fast_check import within
from radhard.hardenings.part import Part

__all__ = ["Bound", "Mode", "bound_overhead", "kept"]

Mode = Literal["zero", "clamp"]
"""How a value out of bounds is replaced: by zero, or by the bound."""


class Bound(Part):
    """Bounds a module's output, or its first input, to ``[low, high]``.

    ``low`` and ``high`` are buffers of shape ``()``, or of the shape of one sample. If ``floor`` is
    a number, it replaces ``low``: it follows from the activation function and is not stored, so
    that no fault can change it.
    """

    def __init__(
        self,
        by: str,
        *,
        shape: tuple[int, ...],
        mode: Mode,
        place: Literal["output", "input"] = "output",
        floor: float | None = None,
    ) -> None:
        super().__init__(by)
        self.shape, self.mode, self.floor = tuple(shape), mode, floor
        self.place = place
        self.low: Tensor | None
        self.high: Tensor
        self.register_buffer("low", torch.zeros(self.shape) if floor is None else None)
        self.register_buffer("high", torch.zeros(self.shape))

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "mode": self.mode,
            "place": self.place,
            "floor": self.floor,
        }

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:  # noqa: ARG002
        low, high = self._limits()
        return output if within(output, low, high) else kept(output, low, high, self.mode)

    def before(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        low, high = self._limits()
        if within(args[0], low, high):
            return args
        return (kept(args[0], low, high, self.mode), *args[1:])

    @property
    def clamps(self) -> bool:
        return self.mode == "clamp"

    def within(self, values: Tensor) -> bool:
        return within(values, *self._limits())

    def rows_within(self, values: Tensor) -> Tensor:
        low, high = self._limits()
        # False for NaN.
        kept: Tensor = (values >= low) & (values <= high)
        return kept.flatten(1).all(1)

    def _limits(self) -> tuple[Any, Any]:
        # Read from the dictionary, since attribute access of a module is slower.
        buffers = self._buffers
        return buffers["low"] if self.floor is None else self.floor, buffers["high"]


def kept(values: Tensor, low: Tensor | float, high: Tensor, mode: Mode) -> Tensor:
    """Values within ``[low, high]``; others are replaced by zero or the bound, NaN by ``low``.

    >>> values = torch.tensor([-1.0, 0.5, 3.0, torch.inf, torch.nan])
    >>> kept(values, 0.0, torch.tensor(2.0), "zero")
    tensor([0.0000, 0.5000, 0.0000, 0.0000, 0.0000])
    >>> kept(values, 0.0, torch.tensor(2.0), "clamp")
    tensor([0.0000, 0.5000, 2.0000, 2.0000, 0.0000])
    """
    if mode == "clamp":
        # torch.clamp propagates NaN, which is the only value that is not equal to itself.
        clamped = torch.clamp(values, torch.as_tensor(low).to(high), high)
        return torch.where(clamped == clamped, clamped, low)
    # The comparisons are False for NaN, so that it becomes zero as well.
    return torch.where((values >= low) & (values <= high), values, 0.0)


def bound_overhead(parameters: int, *, layers: int = 0, neurons: int = 0) -> float:
    """Number of bounds, one per layer and per neuron, as a share of a model's parameters.

    (#layers + #neurons of the last activation) / #parameters (Mousavi et al., ProAct, 2024).
    The paper also counts the last layer as a layer; `ProAct` stores one bound fewer.

    >>> f"{bound_overhead(14_710_000, layers=13, neurons=2048):.4%}"
    '0.0140%'
    """
    return (layers + neurons) / parameters
