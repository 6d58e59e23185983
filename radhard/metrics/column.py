"""What is one figure that a metric gives for a trial?"""

from dataclasses import dataclass
from typing import Literal, final

__all__ = ["CRITICAL", "Column", "Harm", "Role"]

Role = Literal["masked", "noncritical", "critical", "due", "score", "drop"]
"""What a figure is to a reader: a class of outcomes, a score such as accuracy, or its drop."""


@final
@dataclass(frozen=True)
class Harm:
    """How a figure that measures harm reads; reports order faults by the one that comes first.

    ``rate`` is its name in a sentence. ``effect`` follows a share: in "2 % of predictions changed"
    it is ``"predictions changed"``.
    """

    rate: str
    effect: str
    order: int
    """Among several figures of a run the one with the lowest order is its headline."""
    predictions: bool = True
    """Whether it is a share of predictions, so that "1 in 500" can be said."""


@final
@dataclass(frozen=True)
class Column:
    """One figure of a metric: a column of the run file.

    >>> Column("critical", "critical SDC").bounds
    (0.0, 1.0)
    """

    name: str
    """An identifier; the run file puts the metric in front: ``Outcome().critical``."""
    meaning: str
    """A noun phrase for tables and axes: ``critical SDC``."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """The least and the greatest figure, whatever the golden outputs are."""
    harm: Harm | None = None
    """How it reads as a measure of harm; None where more of it is not worse."""
    role: Role | None = None


CRITICAL = Harm("critical SDC rate", "predictions changed", order=10)
"""Another top class, silently: what most reports are about."""
