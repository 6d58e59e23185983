"""Which trials are in the parts of a group, and how large can their values be?"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from radhard.samplers.staged_trials import CAP_ROUNDING
from radhard.space import Numbers
from radhard.stats import Cell

__all__ = ["Parts", "under_cap"]


class Parts(list[tuple[Numbers, int | None]]):
    """Positions of executed trials and the number of faults they represent (None: infinitely many).

    ``caps``: the largest value that a fault of each part can have, if less than 1 for some.
    """

    def __init__(
        self, parts: Iterable[tuple[Numbers, int | None]] = (), caps: Iterable[float] = ()
    ) -> None:
        super().__init__(parts)
        self.caps = list(caps)

    def cap(self, at: int) -> float:
        """The cap of the part at a position."""
        return self.caps[at] if self.caps else 1.0

    @property
    def harmless(self) -> bool:
        """Whether by their caps no fault of any part has a value above 0."""
        return bool(self.caps) and not any(self.caps)


def under_cap(cell: Cell, cap: float, least: float) -> Cell:
    """The cell with values of at most ``cap``, unless a trial has shown a larger one."""
    if cap == 0 and not np.size(cell.values):
        return Cell([0.0], cell.faults, within=(0.0, 0.0))
    values = np.asarray(cell.values)
    if (values > cap + CAP_ROUNDING).any():
        # A cap that one trial contradicts holds for no fault of the stratum.
        return cell
    cap = max(cap, float(values.max(initial=0.0)))
    return replace(cell, within=(least * cap, cap))
