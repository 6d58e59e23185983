"""What is the contract of a fault model?"""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from radhard.formats import Format
from radhard.spec import Component, Family

__all__ = ["FAULTS", "FaultModel", "faults_in_words"]


Numbers = npt.NDArray[np.int64]


class FaultModel(Component):
    """What may happen to a word, as a numbered list of variants.

    Variants are ``0 .. variants(format) - 1``, lowest bit first; for ``BitFlip()``, variant ``v``
    is a flip of bit ``v``. A fault of a space is a word and a variant. To write a fault model,
    define `variants`, `fault_bits` and `corrupt` (CONTRIBUTING has an example).

    >>> from radhard.faults import BitFlip
    >>> from radhard.formats import Int
    >>> BitFlip().variants(Int(8)), BitFlip().fault_bits(6, Int(8))
    (8, (6,))
    """

    @property
    def by_bit(self) -> bool:
        """Whether a variant is a choice of bits; if not, each affects the word as a whole."""
        return True

    @property
    def span(self) -> int:
        """Number of adjacent words that a fault affects; above 1 only in a `Line`."""
        return 1

    def along(self, variants: Numbers, offsets: Numbers, format: Format) -> Numbers:  # noqa: ARG002
        """The variants at ``offsets`` words behind the first of a `Line`.

        The same as in the first word, unless variants are draws.
        """
        return variants

    @abstractmethod
    def variants(self, format: Format) -> int:
        """The number of possible faults in a word of ``format``."""

    @abstractmethod
    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        """The bit positions affected by a variant, in ascending order.

        Raises:
            IndexError: there is no such variant.
        """

    @abstractmethod
    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        """The codes (int64) with fault ``variants[i]`` in word ``i``; deterministic.

        Same shapes in and out; ``codes`` is not changed. Codes of 64 bits may be negative.

        Raises:
            IndexError: there is no such variant (`masks` checks this).
        """

    def noun(self) -> tuple[str, str]:
        """What a sentence calls one such fault, divided where the "s" of the plural goes.

        Optional: without it, a sentence says "fault" and the spec.
        """
        return "fault", f" {self!r}"

    def in_words(self, n: int | None) -> str:
        """``n`` such faults as in a sentence; None leaves the number out.

        >>> from radhard.faults import BitFlip, StuckAt
        >>> BitFlip().in_words(400), BitFlip(bits=30).in_words(1), StuckAt(1).in_words(None)
        ('400 single bit flips', '1 single bit flip of bit 30', 'bits stuck at 1')
        """
        head, tail = self.noun()
        return f"{'' if n is None else f'{n:,} '}{head}{'' if n == 1 else 's'}{tail}"


FAULTS: Family[FaultModel] = Family(FaultModel)
"""The fault models of radhard, and how one is parsed from text."""


def faults_in_words(faults: Sequence[FaultModel], n: int | None) -> str:
    """``n`` faults of one of several fault models as in a sentence; None leaves the number out.

    >>> from radhard.faults import BitFlip, StuckAt
    >>> faults_in_words([BitFlip(), StuckAt(1)], 7)
    '7 faults (single bit flips and bits stuck at 1)'
    """
    if len(faults) == 1:
        return faults[0].in_words(n)
    kinds = [fault.in_words(None) for fault in faults]
    listed = f"{', '.join(kinds[:-1])} and {kinds[-1]}"
    return listed if n is None else f"{n:,} fault{'' if n == 1 else 's'} ({listed})"
