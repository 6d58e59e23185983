"""Which encodings of weights are compared at which bit error rates?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from radhard.comparison import Tolerable
from radhard.formats import Format

__all__ = ["Encoding", "EncodingDesign"]

_QUICK = 7
"""A quick study takes one in so many rates."""


@final
@dataclass(frozen=True)
class Encoding:
    """A way to store weights; ``paint`` and ``mark`` are its colour and marker in a figure."""

    name: str
    format: Format
    paint: str
    mark: str


@final
@dataclass(frozen=True)
class EncodingDesign:
    """Encodings of weights, compared by their tolerable bit error rates.

    The first encoding is the one that the others are compared with. A sweep over all rates is
    continued at the higher rates ``beyond`` it if the encoding may tolerate all rates of the sweep,
    and refined by more trials at those rates that decide the tolerable one.
    """

    encodings: tuple[Encoding, ...]
    rates: tuple[float, ...]
    """Probability of each stored bit of the weights to be flipped; in ascending order."""
    runs: int = 20
    """Trials at each rate of the sweep, by default."""
    increase: float = 0.005
    """The tolerated relative increase of the error."""
    beyond: tuple[float, ...] = ()
    """Higher rates, in ascending order, with as many trials each."""
    near: int = 0
    """How many times as many trials the refinement has at each of its rates; 0: no refinement."""
    near_paired: int = 0
    """The same for the encodings that are compared with each other, see ``paired``."""
    most: int = 8
    """Number of rates in a refinement, at most."""
    paired: int = 1
    """The first so many encodings are refined at the same rates, so that their faults are the same.
    They have the same number of bits."""
    images: int | None = None
    """Test images of a network that is large (``brief``); None: as the network says."""

    def rates_of(self, *, quick: bool) -> tuple[float, ...]:
        """All rates of the sweep, or for a quick study a few of them, over the same range."""
        return self.rates[::_QUICK] if quick else self.rates

    def refinement(self, found: Sequence[Tolerable], bits: int) -> tuple[float, ...]:
        """Rates that decide the tolerable rate, from what the sweep says of one or more encodings.

        Those from half the lowest limit to one and a half times the highest. A trial with less than
        half a fault on average is not needed: what happens at lower rates follows from the trials
        with one fault (see `radhard.comparison.ErrorCurve`).

        >>> design = EncodingDesign((), (1e-6, 2e-6, 4e-6, 8e-6, 1.6e-5, 3.2e-5), near=5)
        >>> found = Tolerable(5e-6, 4e-6, 6e-6, 0.95, least=1e-6, most=3.2e-5, limit=0.1)
        >>> design.refinement([found], 10**7)
        (2e-06, 4e-06, 8e-06)
        >>> design.refinement([found], 10**5)
        (8e-06, 1.6e-05)
        """
        low = max(min(each.low for each in found) / 2, 0.5 / bits)
        high = max(1.5 * max(each.high for each in found), 4 * low)
        # Rates are written with few digits.
        near = [r for r in (*self.rates, *self.beyond) if 0.999 * low <= r <= 1.001 * high]
        chosen = {round(at) for at in np.linspace(0, len(near) - 1, min(self.most, len(near)))}
        return tuple(near[at] for at in sorted(chosen))
