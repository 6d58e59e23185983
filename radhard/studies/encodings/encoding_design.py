"""Which encodings of weights are compared at which bit error rates?"""

from dataclasses import dataclass
from typing import final

from radhard.formats import Format
from radhard.studies.rate_design import RateDesign

__all__ = ["Encoding", "EncodingDesign"]


@final
@dataclass(frozen=True)
class Encoding:
    """A way to store weights; ``paint`` and ``mark`` are its colour and marker in a figure."""

    name: str
    format: Format
    paint: str
    mark: str


@final
@dataclass(frozen=True, kw_only=True)
class EncodingDesign(RateDesign):
    """Encodings of weights, compared by their tolerable bit error rates.

    The first encoding is the one that the others are compared with.
    """

    encodings: tuple[Encoding, ...]
    near_paired: int = 0
    """How many times as many trials the refinement has at each of its rates in those encodings that
    are compared with each other, see ``paired``."""
    paired: int = 1
    """The first so many encodings are refined at the same rates, so that their faults are the same.
    They have the same number of bits."""
    images: int | None = None
    """Test images of a network that is large (``brief``); None: as the network says."""
