"""How much does a figure change between two campaigns of the same faults, and by which share?"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radhard.engines.correction import Correction
from radhard.errors import InputError
from radhard.groups import Groups, Parts
from radhard.results import Results
from radhard.stats import Estimate, bracketed_root, mean_difference

__all__ = ["PairDifference"]

_CLOSE = 1e-6
"""Tolerance of the root search; the limits are extended by it."""


@dataclass(frozen=True)
class PairDifference:
    """A figure of two campaigns whose trials are pairs: trial i has the same fault in both."""

    old: Results
    new: Results
    column: str
    groups: Groups

    def estimate(self, parts: Parts, confidence: float, ratio: float = 1.0) -> Estimate:
        """The mean of the figure after minus ``ratio`` times the figure before.

        There are two sources of error: sampling, and wrong inferences of each run, whose
        corrections are added.
        """
        scale = self._scale(ratio)
        differences = (self._after - ratio * self._before) / scale
        was, now = (
            run.means.correction(self.groups, parts, self.column, confidence)
            for run in (self.old, self.new)
        )
        correction = (now.rows - ratio * was.rows) / scale
        within = now.within(differences, correction, -1.0)
        cells = self.groups.cells(parts, within, least=-1.0)
        measured = self.new if self.old.measured is None else self.old
        cells = measured.means.in_verdicts(cells, self.column)
        sampling = mean_difference(cells, confidence=confidence)
        # If the mean before is too high, the difference is too low: its sides change places.
        errors = Correction(
            now.rows,
            math.hypot(now.above, ratio * was.below),
            math.hypot(now.below, ratio * was.above),
        )
        trials = sum(len(rows) for rows, _ in parts)
        value = self.groups.mean(parts, differences + correction)
        difference = errors.around(value, sampling, trials, least=-1.0, scale=scale)
        return difference.map(lambda x: x * scale, "share")

    def reduction(self, parts: Parts, confidence: float) -> Estimate | None:
        """The share by which the figure is lower after; the interval of its difference is below 0.

        The interval contains the reductions 1 - r for which the interval of "after - r * before"
        contains 0 (Fieller's method), so that it needs no normal distribution of a ratio and no
        assumption beyond those of the difference. It lies above 0, as the interval of the
        difference lies below. None if the figure was 0 before.
        """
        before = self.groups.mean(parts, self._before)
        after = self.groups.mean(parts, self._after)
        if before <= 0:
            return None
        ratio = min(max(after / before, 0.0), 1.0)

        def limit(end: float, excess: Callable[[Estimate], float]) -> float:
            """The ratio between ``end`` and that of the means at which ratios become compatible."""

            def at(r: float) -> float:
                return excess(self.estimate(parts, confidence, r))

            if at(end) <= 0:
                return end  # compatible up to the end
            # Positive at the ratio of the means only by rounding, where all faults were tried.
            if at(ratio) >= 0:
                return ratio
            return bracketed_root(at, end, ratio, close=_CLOSE)

        # The root is known to `_CLOSE` only, and an interval must not be too narrow.
        lowest = max(0.0, limit(0.0, lambda difference: difference.low) - _CLOSE)
        highest = limit(1.0, lambda difference: -difference.high) + _CLOSE
        trials = sum(len(rows) for rows, _ in parts)
        return Estimate(1 - ratio, 1 - min(highest, 1.0), 1 - lowest, confidence, trials)

    @property
    def alike(self) -> bool:
        """Whether the figures of a trial are of the same samples in both runs.

        A run in which most verdicts were inferred may have measured a figure on one sample of each
        trial, which differs from the mean over all of them without any effect of the change.
        """
        one = [
            run.measured is not None
            and self.column in run.measured.columns
            and any(site.samples is None for site in run.space.sites)
            for run in (self.old, self.new)
        ]
        return one[0] == one[1]

    def differences(self) -> np.ndarray:
        """The figure after minus the figure before, in every pair."""
        return np.asarray(self._after - self._before)

    def _scale(self, ratio: float) -> float:
        """The largest possible difference, so that scaled ones lie between -1 and 1."""
        low, high = self.old.ranges[self.column]
        new_low, new_high = self.new.ranges[self.column]
        scale = max(ratio * high - new_low, new_high - ratio * low)
        if not np.isfinite(scale):
            raise InputError(f"{self.column} has no bounds; compare quantiles instead")
        return float(scale)

    @cached_property
    def _before(self) -> np.ndarray:
        return np.asarray(self.old.values(self.column))

    @cached_property
    def _after(self) -> np.ndarray:
        return np.asarray(self.new.values(self.column))
