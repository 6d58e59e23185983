"""How is one figure of a metric described?"""

from dataclasses import dataclass
from typing import Literal, final

__all__ = ["CRITICAL", "Column", "Harm", "Part", "Role"]

Role = Literal["masked", "noncritical", "critical", "due", "score", "drop"]
"""The kind of a figure: a class of outcomes, a score such as accuracy, or its drop."""

Part = Literal["class", "sample"]
"""What a figure is restricted to."""


@final
@dataclass(frozen=True)
class Harm:
    """How a figure that measures harm is worded; reports order faults by the first of them.

    ``rate`` is its name in a sentence. ``effect`` follows a share: in "2 % of predictions changed"
    it is ``"predictions changed"``.
    """

    rate: str
    effect: str
    order: int
    """Among several figures of a run, the one with the lowest order comes first."""
    predictions: bool = True
    """Whether it is a share of predictions, which can be worded as "1 in 500"."""


@final
@dataclass(frozen=True)
class Column:
    """One figure of a metric: a column of the run file.

    >>> Column("critical", "critical SDC").bounds
    (0.0, 1.0)
    """

    name: str
    """An identifier; in the run file, the metric precedes it: ``Outcome().critical``."""
    meaning: str
    """A noun phrase for tables and axes: ``critical SDC``."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """The minimum and maximum of the figure, whatever the golden outputs are."""
    harm: Harm | None = None
    """Its wording as a measure of harm; None if reports do not describe a run by it."""
    role: Role | None = None
    higher_is_better: bool | None = None
    """Whether a larger value is better; None if ``harm`` or ``role`` tells, or if neither is so."""
    within_changes: bool = False
    """Whether it is at most the share of samples whose prediction changes or whose output contains
    NaN, so that caps of faults hold for it (`radhard.caps`)."""
    part: Part | None = None
    """Whether it is the figure of one class or of one sample; the metric has one for each."""

    @property
    def tabled(self) -> bool:
        """Whether tables of all figures contain it: there may be hundreds of samples."""
        return self.part != "sample"

    @property
    def harmful(self) -> bool | None:
        """Whether a larger value is worse; None if the metric does not tell.

        >>> Column("drop", "drop", role="drop").harmful, Column("share", "share").harmful
        (True, None)
        """
        if self.higher_is_better is not None:
            return not self.higher_is_better
        if self.harm is not None:
            return True
        return None if self.role is None else self.role not in ("masked", "score")


CRITICAL = Harm("critical SDC rate", "predictions changed", order=10)
"""A silent change of the top class, the main figure of most reports."""
