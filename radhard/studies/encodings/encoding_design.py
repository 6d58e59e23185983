"""Which encodings of weights are compared at which bit error rates?"""

from dataclasses import dataclass
from typing import final

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

    The first encoding is the one that the others are compared with.
    """

    encodings: tuple[Encoding, ...]
    rates: tuple[float, ...]
    """Probability of each stored bit of the weights to be flipped."""
    runs: int = 20
    """Trials at each rate, by default."""
    increase: float = 0.005
    """The tolerated relative increase of the error."""

    def rates_of(self, *, quick: bool) -> tuple[float, ...]:
        """All rates, or for a quick study a few of them, over the same range."""
        return self.rates[::_QUICK] if quick else self.rates
