"""What does a fault model promise?"""

from abc import abstractmethod

from torch import Tensor

from radhard.formats import Format
from radhard.spec import Component, Family

__all__ = ["FAULTS", "FaultModel"]


class FaultModel(Component):
    """What can go wrong with one stored word.

    The ways it can go wrong are numbered: variant ``0 .. variants(format) - 1``, lowest bit first.
    """

    @abstractmethod
    def variants(self, format: Format) -> int:
        """In how many ways one word of ``format`` can be struck."""

    @abstractmethod
    def struck(self, variant: int, format: Format) -> tuple[int, ...]:
        """The bit positions that a variant concerns, ascending."""

    @abstractmethod
    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        """The codes (int64) after word ``i`` suffered variant ``variants[i]``; deterministic.

        Same shapes in and out; ``codes`` is not changed.
        """


FAULTS: Family[FaultModel] = Family(FaultModel)
"""The faults that radhard has, and how one is read from text."""
