"""How is a statement about outcomes judged, also in a run that leaves out some of the rates?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, final

import numpy as np

from radhard.stats import Cell, Estimate, mean_difference, percent
from radhard.studies.claim import Claim, exactly
from radhard.studies.outcomes.outcome_findings import ENDLESS, OutcomeFindings, Point

__all__ = ["OutcomeClaims", "difference"]

Sense = Literal["at least", "at most"]

_NOT_TRIED = "not tried in this run"

_PER = {"word": "per weight", "bit": "per bit", "faults": "faulty weights on average"}


@final
@dataclass(frozen=True)
class OutcomeClaims:
    """Judges statements about one network; those at rates that were not tried cannot be told."""

    findings: OutcomeFindings

    def level(self, text: str, figure: str, at: Point, sense: Sense, limit: float) -> Claim:
        """A claim on the mean of a figure, in percent."""

        def in_percent(findings: OutcomeFindings) -> Estimate:
            return findings.mean(at, figure).map(lambda share: 100 * share, "%")

        return self._claim(text, figure, sense, limit, in_percent, at)

    def margin(
        self, text: str, demands: Mapping[str, tuple[str, float]], at: Point, sense: Sense
    ) -> Claim:
        """A claim on several means at once: by their names, figures and the percent they must be.

        It is judged by the smallest margin. The intervals of the means together are right in 95 %.
        """
        if at not in self.findings.arms:
            return Claim(text, None, sense, 0.0, _NOT_TRIED)
        confidence = 1 - 0.05 / len(demands)
        above, means = [], []
        for name, (figure, demand) in demands.items():
            mean = self.findings.mean(at, figure, confidence=confidence)
            above.append(mean.map(partial(_points_above, demand), "points"))
            means.append(f"{name} {mean}")
        smallest = Estimate(
            min(each.value for each in above),
            min(each.low for each in above),
            min(each.high for each in above),
            0.95,
            above[0].trials,
            "points above the demand",
        )
        return Claim(text, smallest, sense, 0.0, "; ".join(means))

    def lost(self, text: str, of: str, at: Point, limit: float) -> Claim:
        """A claim that at most so many points of accuracy, or of the score, are lost."""
        return self._claim(text, of, "at most", limit, lambda found: found.lost(at, of), at)

    def more(
        self, text: str, figure: str, first: Point, second: Point, sense: Sense, limit: float = 0.0
    ) -> Claim:
        """A claim on the difference of two means, first less second, in points."""

        def points(findings: OutcomeFindings) -> Estimate:
            return findings.more(first, second, figure)

        return self._claim(text, figure, sense, limit, points, first, second)

    def equal(self, text: str, figure: str, first: Point, second: Point, within: float) -> Claim:
        """A claim that two means differ by at most so many points, in either direction."""
        if not {first, second} <= set(self.findings.arms):
            return Claim(text, None, "at most", within, _NOT_TRIED)
        signed = self.findings.more(first, second, figure)
        size = replace(
            signed,
            value=abs(signed.value),
            low=max(0.0, signed.low, -signed.high),
            high=max(-signed.low, signed.high),
        )
        return Claim(text, size, "at most", within, f"magnitude of the difference {signed}")

    def fraction(self, text: str, figure: str, first: Point, second: Point, limit: float) -> Claim:
        """A claim that the first mean is at most this fraction of the second."""

        def part(findings: OutcomeFindings) -> Estimate | None:
            return findings.fraction(first, second, figure)

        return self._claim(text, figure, "at most", limit, part, first, second)

    def no_due(self, text: str, points: Sequence[Point]) -> Claim:
        """A claim that no DUE was seen at these points: one that was refutes it.

        The figure counts the trials that were made. What follows for others is in the note, for the
        point with the most faults: an average over all rates would hide those with many.
        """
        if not points:
            return Claim(text, None, "at most", 0.0, _NOT_TRIED)
        count, every = self.findings.seen(points, "due")
        most = max(points, key=lambda point: self.findings.arms[point].faults)
        _, share = self.findings.seen([most], "due")
        note = (
            f"the trials that were made at all rates; where faults are most ({most.scenario}, "
            f"{most.rate:g} {_PER[most.reading]}), share of all trials that could be: {share}"
        )
        return Claim(text, _with_due(count, every.trials), "at most", 0.0, note)

    def some_due(self, text: str, point: Point) -> Claim:
        """A claim that faults at this point can cause a DUE: one that does confirms it."""
        if point not in self.findings.arms:
            return Claim(text, None, "at least", 1.0, _NOT_TRIED)
        count, share = self.findings.seen([point], "due")
        figure = _with_due(count, share.trials) if count else None
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
        figure: str,
        sense: Sense,
        limit: float,
        measure: Callable[[OutcomeFindings], Estimate | None],
        *points: Point,
    ) -> Claim:
        findings = self.findings
        if not all(point in findings.arms for point in points):
            return Claim(text, None, sense, limit, _NOT_TRIED)
        found = measure(findings)
        note = "" if found is not None else "the mean that it is a fraction of may be 0"
        claim = Claim(text, found, sense, limit, note)
        if findings.chance is None or figure not in ("score", "score drop"):
            return claim
        # What NaN counts is a convention; no verdict may depend on it.
        other = Claim(text, measure(findings.by_chance), sense, limit)
        if claim.verdict in (other.verdict, "cannot be told"):
            return claim
        note = (
            f"depends on what a DUE counts: {claim.verdict} as measured, {claim.figure}; "
            f"{other.verdict} where trials with a DUE count as guessing, "
            f"{percent(findings.chance)}: {other.figure}"
        )
        return Claim(text, None, sense, limit, note)


def _points_above(demand: float, share: float) -> float:
    return 100 * share - demand


def _with_due(count: int, trials: int) -> Estimate:
    return exactly(count, "trial with a DUE" if count == 1 else "trials with a DUE", trials)


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
