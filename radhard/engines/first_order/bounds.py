"""Up to where is the first order trusted?"""

from dataclasses import dataclass

from torch import Tensor

from radhard.engines.first_order.gradient_weights import Weighed

__all__ = ["Bounds"]


@dataclass(frozen=True)
class Bounds:
    """How small a difference must be for its first-order effect to settle an answer.

    ``safety`` times the part of its lead by which the answer moves must be below 1, and the
    difference, as a vector, not longer than ``reach`` times the golden value of the same sample.
    """

    safety: float
    reach: float

    def hold(self, moved: Tensor, length: Tensor, weighed: Weighed, rows: Tensor) -> Tensor:
        """Whether the answers of some samples stay as they are; not where anything is no number.

        ``moved`` is the part of the lead, ``length`` that of the difference, both ``(...,
        samples)``; ``rows`` says which samples these are.
        """
        return (moved * self.safety < 1) & (length <= weighed.length[rows] * self.reach)
