"""In which modes does torch compute, and how are they put back?"""

from dataclasses import dataclass

import torch

from radhard.internals import enter_inference

__all__ = ["Modes"]

_GUARDS: list[object] = []
"""Kept for good: a guard that is destroyed brings back the mode that it found."""


@dataclass(frozen=True)
class Modes:
    """Torch's gradient and inference mode of this thread, as they are when this is made.

    A ``with torch.no_grad()`` is not left where Ctrl-C comes at its very end; whoever opened
    anything puts back the modes as well.
    """

    gradients: bool
    inference: bool

    @classmethod
    def now(cls) -> "Modes":
        """The modes in which torch computes at this moment."""
        return cls(torch.is_grad_enabled(), torch.is_inference_mode_enabled())

    def restore(self) -> None:
        """Compute in these modes again."""
        if torch.is_inference_mode_enabled() != self.inference:
            _GUARDS.append(enter_inference(self.inference))
        if torch.is_grad_enabled() != self.gradients:
            torch.set_grad_enabled(self.gradients)
