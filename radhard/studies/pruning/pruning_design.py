"""Which rankings of channels are compared at which shares of pruned channels?"""

from dataclasses import dataclass
from typing import Literal, final

from radhard.analyses import Analysis
from radhard.errors import InputError
from radhard.studies.pruning.pruning_findings import Pair

__all__ = ["PruningDesign", "Ranking", "Tuning"]


@final
@dataclass(frozen=True)
class Ranking:
    """A way to say which channels matter least; ``paint`` and ``mark`` are its looks in a figure.

    Raises:
        InputError: it is never drawn, or drawn repeatedly though it is no chance.
    """

    name: str
    by: Analysis | Literal["l1", "random"]
    paint: str
    mark: str

    draws: int = 1
    """Of a ranking by chance, how many are tried."""
    brief: bool = True
    """Whether it is tried on networks on which each pass takes long, too."""

    def __post_init__(self) -> None:
        if self.draws < 1 or (self.draws > 1 and self.by != "random"):
            raise InputError(
                f"{self.name}: draws={self.draws} is not allowed; give 1, or more for a random "
                "ranking"
            )


@final
@dataclass(frozen=True)
class Tuning:
    """Fine-tuning after the cut: stochastic gradient descent on the first training images."""

    epochs: int
    images: int
    """As many as there are, where there are fewer."""
    batch: int
    rate: float


@final
@dataclass(frozen=True)
class PruningDesign:
    """Rankings that decide which channels are pruned, compared over the share of the channels.

    Raises:
        InputError: a ratio that is no share between 0 and 1.
    """

    rankings: tuple[Ranking, ...]
    ratios: tuple[float, ...]
    """Shares of the channels of a layer: of convolutions alone, of linear layers alone, of both."""
    tuning: Tuning
    more: tuple[Pair, ...] = ()
    """Further pairs of ratios among which small networks are looked for."""
    scored: int = 200
    """Training images that scores are made on."""

    def __post_init__(self) -> None:
        shares = [*self.ratios, *(share for pair in self.more for share in pair)]
        if wrong := [share for share in shares if not 0 < share < 1]:
            raise InputError(f"a ratio of {wrong[0]:g} is not allowed; give ratios between 0 and 1")
