"""How much harm can a fault do at most, before it is tried?"""

from abc import abstractmethod
from typing import Protocol

import numpy as np
import numpy.typing as npt

from radhard.notes import Note
from radhard.space import FaultSpace, Numbers
from radhard.spec import Component, Family
from radhard.workload import Workload

__all__ = ["CAPS", "Caps", "FaultCaps", "cap_classes"]

_EDGES = (0.0, 0.08, 0.3, 0.7)
"""The largest cap of each class but the last two, which are below 1 and 1."""


class FaultCaps(Protocol):
    """How much harm each fault of a space can do at most, for one model and its data.

    The cap of a fault is the largest share of the samples that it may harm: 0 if it is known to be
    harmless, 1 if nothing is known.
    """

    @property
    def notes(self) -> tuple[Note, ...]:
        """What a reader of results that use the caps should know."""

    def of(self, faults: Numbers) -> npt.NDArray[np.float64]:
        """For each fault, given by its number, the largest share of the samples it may harm.

        From 0 (the fault is known to be harmless) to 1 (nothing is known).
        """


class Caps(Component):
    """Where caps come from: a proof, or an assumption that is stated and audited.

    A fault that can harm at most a share u of the samples counts in a sample only with what it may
    still do: it is drawn with a probability in proportion to its cap, and its value is taken to be
    in [0, u]. The caps have to hold for every fault of the space; otherwise intervals that use them
    are too narrow.
    """

    @abstractmethod
    def find(self, workload: Workload, space: FaultSpace) -> FaultCaps:
        """The caps of the faults of a space; the workload is open."""


CAPS: Family[Caps] = Family(Caps)
"""The sources of caps of radhard, and how they are read from text."""


def cap_classes(caps: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """The class of each cap: 0 | up to 8 % | up to 30 % | up to 70 % | below 1 | 1.

    Faults of one class are sampled together. Few classes suffice: within one, caps differ by a
    small factor, or matter little.

    >>> cap_classes(np.array([0.0, 0.02, 0.08, 0.3, 0.5, 0.98, 1.0]))
    array([0, 1, 1, 2, 3, 4, 5], dtype=uint8)
    """
    found = np.searchsorted(_EDGES, caps, side="left")
    classes: npt.NDArray[np.uint8] = (found + (caps >= 1)).astype(np.uint8)
    return classes
