"""How is a statement about outcomes judged, also in a run that leaves out some of the rates?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from radhard.stats import Cell, Estimate, mean_difference
from radhard.studies.claim import Claim, exactly
from radhard.studies.outcomes.outcome_findings import ENDLESS, OutcomeFindings, Point

__all__ = ["OutcomeClaims", "difference"]

Sense = Literal["at least", "at most"]

_NOT_TRIED = "not tried in this run"


@final
@dataclass(frozen=True)
class OutcomeClaims:
    """Judges statements about one network; those at rates that were not tried cannot be told."""

    findings: OutcomeFindings

    def level(self, text: str, figure: str, at: Point, sense: Sense, limit: float) -> Claim:
        """A claim on the mean of a figure, in percent."""

        def in_percent(point: Point) -> Estimate:
            return self.findings.mean(point, figure).map(lambda share: 100 * share, "%")

        return self._claim(text, sense, limit, in_percent, at)

    def lost(self, text: str, of: str, at: Point, limit: float) -> Claim:
        """A claim that at most so many points of accuracy, or of the score, are lost."""
        return self._claim(text, "at most", limit, lambda point: self.findings.lost(point, of), at)

    def more(
        self, text: str, figure: str, first: Point, second: Point, sense: Sense, limit: float = 0.0
    ) -> Claim:
        """A claim on the difference of two means, first less second, in points."""

        def points(one: Point, other: Point) -> Estimate:
            return self.findings.more(one, other, figure)

        return self._claim(text, sense, limit, points, first, second)

    def fraction(self, text: str, figure: str, first: Point, second: Point, limit: float) -> Claim:
        """A claim that the first mean is at most this fraction of the second."""

        def part(one: Point, other: Point) -> Estimate | None:
            return self.findings.fraction(one, other, figure)

        return self._claim(text, "at most", limit, part, first, second)

    def no_due(self, text: str, points: Sequence[Point]) -> Claim:
        """A claim that faults at these points cause no DUE: one that does refutes it.

        The figure counts the trials that were made; what follows for others is in the note.
        """
        if not points:
            return Claim(text, None, "at most", 0.0, _NOT_TRIED)
        count, share = self.findings.seen(points, "due")
        figure = exactly(count, "trials with a DUE", share.trials)
        note = f"the trials that were made; share of all that could be: {share}"
        return Claim(text, figure, "at most", 0.0, note)

    def some_due(self, text: str, point: Point) -> Claim:
        """A claim that faults at this point can cause a DUE: one that does confirms it."""
        if point not in self.findings.arms:
            return Claim(text, None, "at least", 1.0, _NOT_TRIED)
        count, share = self.findings.seen([point], "due")
        figure = exactly(count, "trials with a DUE", share.trials) if count else None
        note = f"the trials that were made; share of all that could be: {share}"
        return Claim(text, figure, "at least", 1.0, note)

    def no_changes(self, variant: str) -> Claim:
        """A claim that a protection changes no output without faults."""
        text = f"{variant} changes no output of the fault-free network"
        if variant not in self.findings.changed:
            return Claim(text, None, "at most", 0.0, _NOT_TRIED)
        figure = exactly(self.findings.changed[variant], "outputs", self.findings.samples)
        return Claim(text, figure, "at most", 0.0, "compared bit by bit")

    def _claim(
        self,
        text: str,
        sense: Sense,
        limit: float,
        figure: Callable[..., Estimate | None],
        *points: Point,
    ) -> Claim:
        if not all(point in self.findings.arms for point in points):
            return Claim(text, None, sense, limit, _NOT_TRIED)
        found = figure(*points)
        note = "" if found is not None else "the mean that it is a fraction of may be 0"
        return Claim(text, found, sense, limit, note)


def difference(
    text: str,
    first: OutcomeFindings,
    second: OutcomeFindings,
    figure: str,
    at: Point,
    sense: Sense,
) -> Claim:
    """A claim on a figure of two networks: by how many points it is higher in the first."""
    if at not in first.arms or at not in second.arms:
        return Claim(text, None, sense, 0.0, _NOT_TRIED)
    # Two independent means, whose trials have the same number.
    pairs = np.subtract(*(each.arms[at].figures[figure] for each in (first, second)))
    found = mean_difference([Cell(pairs, ENDLESS)])
    return Claim(text, found.map(lambda share: 100 * share, "points"), sense, 0.0)
