"""Which caps were found, and for which part of the space?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.notes import Note
from radhard.space import Numbers

__all__ = ["Audit", "CapTable"]


@final
@dataclass(frozen=True)
class Audit:
    """Faults that were executed to test the assumption behind their caps."""

    faults: int
    wrong: int
    """Those that harmed more samples than their cap; all caps are then 1."""

    @property
    def most(self) -> float:
        """The share of wrong caps that as many audits without a wrong one rule out, at 95 %.

        >>> Audit(300, 0).most
        0.00993...
        """
        return 1 - 0.05 ** (1 / self.faults) if self.faults and not self.wrong else 1.0


@final
@dataclass(frozen=True)
class CapTable:
    """The caps of all faults of a space, for one model and data.

    A fault harms a sample if the prediction is no longer the golden one, or the output contains
    NaN. With a cap of 0 a fault is harmless; with 1 nothing is known about it.
    """

    by: str
    """Where they come from, as text: ``Certified()``."""
    caps: npt.NDArray[np.float32]
    """By the number of the fault."""
    shares: Mapping[str, float]
    """For each tensor, the share of its faults that have a cap of 0."""
    left_out: Mapping[str, str]
    """Tensors whose faults all have a cap of 1, as the method does not apply, with the reason."""
    seconds: float = field(compare=False)
    """How long it took to compute the caps."""
    audit: Audit | None = None
    """The test of the assumption on which the caps depend; None: they are proven."""

    def of(self, faults: Numbers) -> npt.NDArray[np.float64]:
        """The caps of some faults, given by their numbers."""
        return self.caps[faults].astype(np.float64)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is proven, or assumed, and of how many faults."""
        facts = {
            "by": self.by,
            "harmless": self.harmless,
            "mean": self.mean,
            "shares": dict(self.shares),
            "left out": dict(self.left_out),
        }
        if self.audit is not None:
            facts["audit"] = {
                "faults": self.audit.faults,
                "wrong": self.audit.wrong,
                "at most": self.audit.most,
            }
        return (Note("caps", facts),)

    @cached_property
    def mean(self) -> float:
        """The largest possible mean harm over all faults."""
        return float(self.caps.mean(dtype=np.float64))

    @cached_property
    def harmless(self) -> float:
        """The share of the faults that have a cap of 0."""
        return float((self.caps == 0).mean())
