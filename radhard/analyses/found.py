"""What did an analysis find out?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from radhard.scores import Level, Unit, Values

__all__ = ["Found"]


@final
@dataclass(frozen=True)
class Found:
    """What an analysis found out: the parts of `radhard.scores.Scores` that are its own."""

    level: Level
    values: Values
    unit: Unit = "relative"
    low: Values | None = None
    high: Values | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    chosen: bool = False
    """Whether the user named the layers, so that the others are left out on purpose."""
