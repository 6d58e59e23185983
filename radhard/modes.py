"""In which modes does torch compute, and how are they restored?"""

from dataclasses import dataclass

import torch

from radhard.internals import enter_inference

__all__ = ["Modes"]

_GUARDS: list[object] = []
"""Never destroyed, because the destructor of a guard restores the mode before it."""


@dataclass(frozen=True)
class Modes:
    """The gradient and inference mode of this thread at the time of construction.

    A ``with torch.no_grad()`` is not left where Ctrl-C comes at its very end; whoever opened
    anything puts back the modes as well.
    """

    gradients: bool
    inference: bool

    @classmethod
    def now(cls) -> "Modes":
        """The current modes."""
        return cls(torch.is_grad_enabled(), torch.is_inference_mode_enabled())

    def restore(self) -> None:
        """Restore these modes."""
        if torch.is_inference_mode_enabled() != self.inference:
            _GUARDS.append(enter_inference(self.inference))
        if torch.is_grad_enabled() != self.gradients:
            torch.set_grad_enabled(self.gradients)
