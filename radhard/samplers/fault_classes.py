"""Which class does a fault belong to, by what is known before its trial?"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from radhard.caps import FaultCaps, cap_classes
from radhard.notes import Note
from radhard.space import Numbers
from radhard.stats import percent

__all__ = ["CLASSES", "CapClasses", "FaultClasses"]

CLASSES = 6
"""Number of classes."""

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


class FaultClasses(Protocol):
    """Classes of the faults of one space, numbered from 0 to 5; each is sampled separately."""

    @property
    def notes(self) -> Sequence[Note]:
        """What a reader of the results should know about them."""

    def of(self, faults: Numbers) -> tuple[Codes, Floats]:
        """The class of each fault, and the largest share of the samples that it may harm."""

    def text(self, number: int, cap: float) -> str:
        """The name of a class, given the largest cap of its faults; may be empty."""


class CapClasses:
    """Classes by cap (`cap_classes`)."""

    def __init__(self, caps: FaultCaps) -> None:
        self._caps = caps
        self.notes: Sequence[Note] = tuple(caps.notes)

    def of(self, faults: Numbers) -> tuple[Codes, Floats]:
        """As in `FaultClasses`."""
        caps = self._caps.of(faults)
        return cap_classes(caps), caps

    def text(self, number: int, cap: float) -> str:
        """As in `FaultClasses`."""
        return "" if number == CLASSES - 1 else f"at most {percent(cap)}"
