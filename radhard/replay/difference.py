"""By how much does a value of some samples differ from the golden one?"""

from dataclasses import dataclass

from torch import Tensor

from radhard.replay.crop import crop
from radhard.replay.patch import Patch

__all__ = ["Difference"]


@dataclass(frozen=True)
class Difference:
    """The difference of a value from the golden one, faulty less golden, where it is not zero.

    ``probes``, ``(rows,)``, are the numbers of the probes in which anything differs, ``samples``
    the sample of each.
    """

    probes: Tensor
    samples: Tensor
    patch: Patch

    def dot(self, weights: Tensor) -> Tensor:
        """The sum of the differences of each row times weights ``(samples, ...)``: ``(rows,)``."""
        values = self.patch.values
        weights = crop(weights, self.samples, self.patch.starts, values)
        return (weights * values).flatten(1).sum(1)
