"""What is the contract of a fault model?"""

from abc import abstractmethod

from torch import Tensor

from radhard.formats import Format
from radhard.spec import Component, Family

__all__ = ["FAULTS", "FaultModel"]


class FaultModel(Component):
    """The possible faults of a stored word.

    They are numbered as variants ``0 .. variants(format) - 1``, lowest bit first.
    """

    @abstractmethod
    def variants(self, format: Format) -> int:
        """The number of possible faults in a word of ``format``."""

    @abstractmethod
    def struck(self, variant: int, format: Format) -> tuple[int, ...]:
        """The bit positions affected by a variant, in ascending order."""

    @abstractmethod
    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        """The codes (int64) with fault ``variants[i]`` in word ``i``; deterministic.

        Same shapes in and out; ``codes`` is not changed.
        """


FAULTS: Family[FaultModel] = Family(FaultModel)
"""The fault models of radhard, and how one is parsed from text."""
