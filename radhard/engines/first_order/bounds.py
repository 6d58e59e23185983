"""Up to which size of a difference is the first-order effect trusted?"""

from dataclasses import dataclass

from torch import Tensor

from radhard.engines.first_order.gradient_weights import MarginGradients

__all__ = ["Bounds"]


@dataclass(frozen=True)
class Bounds:
    """How small a difference must be for a prediction to be inferred from its first-order effect.

    ``safety`` times the change of the margin, as a share of the golden margin, must be below 1, and
    the norm of the difference at most ``reach`` times that of the golden value of the sample. The
    second condition limits the error of the linear approximation, which the first cannot detect.
    """

    safety: float
    reach: float

    def hold(self, moved: Tensor, length: Tensor, weights: MarginGradients, rows: Tensor) -> Tensor:
        """Whether the predictions of some samples are inferred to be unchanged; False for NaN.

        ``moved`` is the change as a share of the margin, ``length`` the norm of the difference,
        both ``(..., samples)``; ``rows`` are the samples.
        """
        return (moved * self.safety < 1) & (length <= weights.length[rows] * self.reach)
