"""Up to which size of a difference is the first-order effect trusted?"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Bounds", "share_of"]


@dataclass(frozen=True)
class Bounds:
    """How small a difference must be for a prediction to be inferred from its first-order effect.

    ``safety`` times the change of the margin, as a share of the golden margin, must be below 1, and
    the norm of the difference at most ``reach`` times that of the golden value of the sample. The
    second condition limits the error of the linear approximation, which the first cannot detect.
    """

    safety: float
    reach: float

    def hold(self, moved: Tensor, reached: Tensor) -> Tensor:
        """Whether the predictions of some samples are inferred to be unchanged; False for NaN.

        ``moved`` is the change as a share of the margin, ``reached`` the norm of the difference as
        a share of that of the golden value, both ``(..., samples)``.
        """
        return (moved * self.safety < 1) & (reached <= self.reach)


def share_of(length: Tensor, golden: Tensor) -> Tensor:
    """The norm of a difference as a share of that of the golden value; 0 where nothing differs.

    >>> share_of(torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 4.0]))
    tensor([0.0000,    inf, 0.2500])
    """
    return torch.where(length == 0, 0.0, length / golden)
