"""What is a ReLU with a trainable bound?"""

from typing import Any, Literal

import torch
from torch import Tensor

from radhard.hardenings.bounds.bound import kept
from radhard.hardenings.bounds.fast_check import within
from radhard.hardenings.part import Part

__all__ = ["HyReLU", "smooth"]

_FAR = 100.0
"""Distance above the bound, times the slope, from which a value is negligible: exp(-100)."""


class HyReLU(Part):
    """A ReLU with a trainable bound (Mousavi et al., ProAct, 2024).

    ``high`` is a buffer of shape ``()``, or of the shape of one sample. ``hard``: values above it
    become zero, and all others are unchanged; otherwise `smooth`, which is differentiable and
    halves a value at the bound.
    """

    def __init__(
        self,
        by: str,
        *,
        shape: tuple[int, ...],
        slope: float,
        hard: bool,
        place: Literal["output", "input"] = "output",
    ) -> None:
        super().__init__(by)
        self.shape, self.slope, self.hard = tuple(shape), slope, hard
        self.place = place
        self.high: Tensor
        self.register_buffer("high", torch.zeros(self.shape))

    @property
    def settings(self) -> dict[str, Any]:
        settings = {"shape": self.shape, "slope": self.slope, "hard": self.hard}
        return settings if self.place == "output" else {**settings, "place": self.place}

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:  # noqa: ARG002
        if not self.hard:
            return smooth(output, self.high, self.slope)
        if within(output, 0.0, self.high):
            return output
        return kept(output, 0.0, self.high, "zero")

    def before(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self.after(args, args[0]), *args[1:])


def smooth(values: Tensor, high: Tensor, slope: float) -> Tensor:
    """``max(0, x * sigmoid(slope * (high - x)))``; infinities and NaN become zero.

    Equation 5.1 of the thesis has the opposite sign, which would pass values above the bound; this
    is that equation with a negative slope. The result increases with ``high``, is half of it at the
    bound, and approaches the hard form with increasing slope.

    >>> smooth(torch.tensor([-1.0, 1.0, 4.0, 9.0, torch.inf]), torch.tensor(4.0), 20.0)
    tensor([0., 1., 2., 0., 0.])
    """
    # Avoids infinity times zero, which is NaN; comparisons with NaN, also as a bound, are False.
    near = values <= high + _FAR / slope
    clamped = torch.where(near, values, 0.0).relu()
    # Selected once more, as a bound that is NaN makes every product NaN.
    return torch.where(near, clamped * torch.sigmoid(slope * (high - clamped)), 0.0)
