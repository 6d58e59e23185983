"""At which error rates are the trials of a study that looks for the tolerable one?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from radhard.comparison import Tolerable

__all__ = ["RateDesign"]

_QUICK = 7
"""A quick study takes one in so many rates."""


@dataclass(frozen=True)
class RateDesign:
    """A sweep over error rates, continued and refined where the tolerable rate may be.

    It is continued at the higher rates ``beyond`` it if all rates of the sweep may be tolerated,
    and refined by more trials at those rates that decide the tolerable one.
    """

    rates: tuple[float, ...]
    """Probability of each bit, or word, to be faulty; in ascending order."""
    runs: int = 20
    """Trials at each rate of the sweep, by default."""
    increase: float = 0.005
    """The tolerated relative increase of the error."""
    beyond: tuple[float, ...] = ()
    """Higher rates, in ascending order, with as many trials each."""
    near: int = 0
    """How many times as many trials the refinement has at each of its rates; 0: no refinement."""
    most: int = 8
    """Number of rates in a refinement, at most."""
    per: Literal["bit", "word"] = "bit"
    """What the rates count."""

    def rates_of(self, *, quick: bool) -> tuple[float, ...]:
        """All rates of the sweep, or for a quick study a few of them, over the same range."""
        return self.rates[::_QUICK] if quick else self.rates

    def refinement(self, found: Sequence[Tolerable], size: int) -> tuple[float, ...]:
        """Rates that decide the tolerable rate, from what the sweep says of one or more models.

        Those from half the lowest limit to one and a half times the highest. A trial with less than
        half a fault on average in all ``size`` bits, or words, is not needed: what happens at lower
        rates follows from the trials with one fault (see `radhard.comparison.ErrorCurve`).

        >>> design = RateDesign((1e-6, 2e-6, 4e-6, 8e-6, 1.6e-5, 3.2e-5), near=5)
        >>> found = Tolerable(5e-6, 4e-6, 6e-6, 0.95, least=1e-6, most=3.2e-5, limit=0.1)
        >>> design.refinement([found], 10**7)
        (2e-06, 4e-06, 8e-06)
        >>> design.refinement([found], 10**5)
        (8e-06, 1.6e-05)
        """
        low = max(min(each.low for each in found) / 2, 0.5 / size)
        high = max(1.5 * max(each.high for each in found), 4 * low)
        # Rates are written with few digits.
        near = [r for r in (*self.rates, *self.beyond) if 0.999 * low <= r <= 1.001 * high]
        chosen = {round(at) for at in np.linspace(0, len(near) - 1, min(self.most, len(near)))}
        return tuple(near[at] for at in sorted(chosen))
