"""How is an activation kept within bounds?"""

from typing import Any, Literal

import torch
from torch import Tensor

from radhard.hardenings.part import Part

__all__ = ["Bound"]


class Bound(Part):
    """Keeps what a module hands on within ``[low, high]``, or sets to zero what is outside.

    ``low`` and ``high`` are buffers of shape ``()``, ``(channels, 1, ...)`` or one sample's own.
    NaN is outside; where values are clamped, it becomes ``low``.
    """

    def __init__(self, by: str, *, shape: tuple[int, ...], mode: Literal["zero", "clamp"]) -> None:
        super().__init__(by)
        self.shape, self.mode = tuple(shape), mode
        self.low: Tensor
        self.high: Tensor
        self.register_buffer("low", torch.zeros(self.shape))
        self.register_buffer("high", torch.zeros(self.shape))

    @property
    def settings(self) -> dict[str, Any]:
        return {"shape": self.shape, "mode": self.mode}

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:  # noqa: ARG002
        if self.mode == "clamp":
            kept = torch.clamp(output, self.low, self.high)
            return torch.where(kept == kept, kept, self.low)
        # False for NaN too, so that it becomes zero as well.
        inside = (output >= self.low) & (output <= self.high)
        return torch.where(inside, output, 0.0)
