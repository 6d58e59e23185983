"""Does what a paper says hold here, as far as an interval can tell?"""

from dataclasses import dataclass
from typing import Literal, final

from radhard.stats import Estimate

__all__ = ["Claim", "Verdict", "exactly"]

Verdict = Literal["holds", "does not hold", "cannot be told"]


@final
@dataclass(frozen=True)
class Claim:
    """A statement that a figure is at least, or at most, so much.

    >>> figure = Estimate(0.8, 0.3, 1.3, confidence=0.95, trials=200, unit="points")
    >>> for limit in (1.5, 1.0, 0.1):
    ...     print(Claim("loses little", figure, "at most", limit).verdict)
    holds
    cannot be told
    does not hold
    """

    text: str
    figure: Estimate | None
    """None where there is nothing to judge by; ``note`` says why."""
    sense: Literal["at least", "at most"]
    limit: float
    """In the unit of the figure."""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """What the whole interval says: an interval with the limit inside cannot tell."""
        if self.figure is None:
            return "cannot be told"
        low, high = self.figure.low, self.figure.high
        if self.sense == "at most":
            low, high, limit = -high, -low, -self.limit
        else:
            limit = self.limit
        if low >= limit:
            return "holds"
        return "does not hold" if high < limit else "cannot be told"


def exactly(value: float, unit: str, number: int) -> Estimate:
    """A figure that was counted, over all ``number`` things that there are.

    >>> print(exactly(0.2, "points", 1000))
    0.200 points (exact: all of 1,000 trials)
    """
    return Estimate(value, value, value, 0.95, number, unit)
