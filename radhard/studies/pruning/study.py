"""What is a study of pruning made of?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, final

from radhard.analyses import Analysis
from radhard.errors import InputError
from radhard.studies.claim import Claim
from radhard.studies.pruning.findings import Pair, PruningFindings

__all__ = ["PruningPlan", "PruningStudy", "Ranking", "Tuning"]


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
                f"{self.name}: draws={self.draws} is not allowed; 1, or more of a ranking that is "
                "random"
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
class PruningStudy:
    """A paper's comparison of rankings by which channels are taken away; nothing is struck.

    Raises:
        InputError: a ratio that is no share between 0 and 1.
    """

    name: str
    title: str
    source: str
    about: str
    """A few sentences: what is taken away, and how the figures are to be read."""
    networks: tuple[str, ...]
    rankings: tuple[Ranking, ...]
    ratios: tuple[float, ...]
    """Shares of the channels of a layer: of convolutions alone, of linear layers alone, of both."""
    tuning: Tuning
    claims: Callable[[PruningFindings], Sequence[Claim]]
    more: tuple[Pair, ...] = ()
    """Further pairs of ratios among which small networks are looked for."""
    scored: int = 200
    """Training images that scores are made on."""

    def __post_init__(self) -> None:
        shares = [*self.ratios, *(share for pair in self.more for share in pair)]
        if wrong := [share for share in shares if not 0 < share < 1]:
            raise InputError(f"{self.name}: a ratio of {wrong[0]:g} is not between 0 and 1")


@final
@dataclass(frozen=True)
class PruningPlan:
    """From which chance a study of pruning follows, and whom it tells how far it is."""

    seed: int = 0
    tell: Callable[[str], None] = field(default=lambda _: None)
