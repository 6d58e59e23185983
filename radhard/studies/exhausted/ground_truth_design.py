"""Which networks are exhausted in which formats, and what is asked of the samplers?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

from radhard.engines import Bracket, Engine
from radhard.formats import Float32, Format

__all__ = ["GroundTruthDesign", "MarginQuestion"]


@final
@dataclass(frozen=True)
class MarginQuestion:
    """A margin at a confidence, and the estimators that are to reach it."""

    name: str
    margin: float
    confidence: float
    by: str | None
    estimators: Sequence[str]
    """Names of samplers with the arguments that ask for the margin, as in `estimators`."""
    narrow: Sequence[str] = ()
    """Those that are tried in formats other than `Float32`."""
    quick: bool = False
    """Whether it is asked in a quick study."""

    def estimators_for(self, format: Format) -> Sequence[str]:
        """Those that are tried in a format."""
        return self.estimators if format == Float32() else self.narrow


@final
@dataclass(frozen=True)
class GroundTruthDesign:
    """The tables, and the questions that campaigns on them answer."""

    formats: Mapping[str, Sequence[Format]]
    """By network; the others have `Float32` only."""
    questions: Sequence[MarginQuestion]
    images: int = 50
    """Test images, by default."""
    runs: int = 300
    """Campaigns of each estimator, by default."""
    fewer: Mapping[str, int] = field(default_factory=dict)
    """Networks on which no more than so many campaigns of each estimator are simulated."""
    long: int = 20
    """Campaigns with more than 100,000 trials each, at most."""
    engine: Engine = field(default_factory=lambda: Bracket(audit=0.0))
    """What exhausts the networks."""
    caps: Sequence[str] = ("Stated()", "Certified()")
    """Where caps of all faults come from, in `Float32`."""
    first: Mapping[str, int] = field(default_factory=dict)
    """Of sources that take too long for all images: on how many of the first ones caps are found.
    These are scored, and no sampler has them."""
    timed: int = 0
    """Trials of each estimator that are injected to tell the time of its campaign; 0: none."""
    analyses: int = 3
    """How often what is predicted without injecting faults is computed, with other seeds."""

    def formats_of(self, network: str) -> Sequence[Format]:
        """The formats in which a network is exhausted."""
        return self.formats.get(network, (Float32(),))
