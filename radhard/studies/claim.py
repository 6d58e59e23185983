"""Does an interval confirm a claim of a paper?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

from radhard.stats import Estimate, percent
from radhard.studies.markdown import table

__all__ = ["JUDGED", "Claim", "Verdict", "estimate_facts", "exactly", "verdicts"]

Verdict = Literal["holds", "does not hold", "cannot be told"]

JUDGED = (
    "A claim *holds*, or *does not hold*, where the whole interval says so; otherwise it *cannot "
    "be told*. Each verdict is judged on its own: among many, one in twenty may be due to chance."
)
"""What the verdicts mean."""


@final
@dataclass(frozen=True)
class Claim:
    """A statement that a figure is at least, or at most, a limit.

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
    decisive: bool = True
    """False where the figure cannot tell, whatever its interval; ``note`` says why."""

    @property
    def verdict(self) -> Verdict:
        """What the whole interval says: an interval with the limit inside cannot tell."""
        if self.figure is None or not self.decisive:
            return "cannot be told"
        low, high = self.figure.low, self.figure.high
        if self.sense == "at most":
            # Mirrored, so that one comparison serves both senses.
            low, high, limit = -high, -low, -self.limit
        else:
            limit = self.limit
        if low >= limit:
            return "holds"
        return "does not hold" if high < limit else "cannot be told"

    def to_dict(self) -> dict[str, Any]:
        """The claim with its verdict and figure, as plain values."""
        return {
            "text": self.text,
            "verdict": self.verdict,
            "figure": None if self.figure is None else estimate_facts(self.figure),
            self.sense: self.limit,
            "note": self.note,
        }


def verdicts(claims: Sequence[Claim]) -> Iterator[str]:
    """How many claims hold, and each with its figure and verdict, as lines of Markdown."""
    every = [claim.verdict for claim in claims]
    counts = [every.count(verdict) for verdict in ("holds", "does not hold", "cannot be told")]
    yield "Of {} claims {} hold, {} do not, {} cannot be told.".format(len(every), *counts)
    yield ""
    yield from table(("claim", "over what", "figure", "limit", "verdict"), map(_cells, claims))


def estimate_facts(estimate: Estimate) -> dict[str, Any]:
    """A figure with its interval, as plain values; null for a limit that is infinite."""
    return {
        "value": estimate.value,
        "low": estimate.low if math.isfinite(estimate.low) else None,
        "high": estimate.high if math.isfinite(estimate.high) else None,
        "confidence": estimate.confidence,
        "trials": estimate.trials,
        "unit": estimate.unit,
    }


def exactly(value: float, unit: str, number: int) -> Estimate:
    """A figure that was counted, over all ``number`` things that there are.

    >>> print(exactly(0.2, "points", 1000))
    0.200 points (exact: all 1,000 tried)
    """
    return Estimate(value, value, value, 0.95, number, unit)


def _cells(claim: Claim) -> tuple[str, ...]:
    figure, text, limit = claim.figure, "", f"{claim.limit:g}"
    if figure is not None:
        counted = f"{figure.value:.4g} {figure.unit}"
        if figure.unit == "share":
            counted, limit = percent(figure.value), percent(claim.limit)
        text = counted if figure.low == figure.high else str(figure)
    return claim.text, claim.note, text, f"{claim.sense} {limit}", claim.verdict
