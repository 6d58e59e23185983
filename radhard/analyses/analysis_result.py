"""What does an analysis determine?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from radhard.analyses.layer import Layer
from radhard.scores import Level, Unit, Values

__all__ = ["AnalysisResult"]


@final
@dataclass(frozen=True)
class AnalysisResult:
    """The result of an analysis: the parts of `radhard.scores.Scores` that it determines."""

    level: Level
    values: Values
    unit: Unit = "relative"
    low: Values | None = None
    high: Values | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    layers: Sequence[Layer] | None = None
    """The layers evaluated by an analysis that takes classes by name (`layers_of`)."""
    chosen: bool = False
    """Whether the user named the layers, so that the others are left out on purpose."""
