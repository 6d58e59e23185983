"""As many trials as a margin needs, drawn where they are needed."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from radhard.caps import Caps
from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.partition import Partition, partition
from radhard.samplers.stage_draw import StageDraw, StageResults
from radhard.samplers.staged_sampler import StagedSampler
from radhard.samplers.staged_trials import Stage, StagedTrials
from radhard.samplers.stratum_deviations import stratum_deviations
from radhard.space import FaultSpace, Numbers
from radhard.spec import component
from radhard.stats import Estimate, StratumPlan, allocation, floor_size, percent

__all__ = ["Adaptive"]

_GROWTH = 8
"""How many times as many trials a stratum has after a stage, at most, as its deviation is an
estimate."""

_LEAST_GROWTH = 0.03
"""The share by which the trials of a group grow in a stage, at least."""

_PER_STRATUM = 2
"""Trials of the first stage for each stratum of a group, on average, below which it has fewer."""

_SHRINK = 0.75
"""By how much the margin that is planned for shrinks at once, at most."""

_USUAL_RATE = 0.1
"""The rate for which the first stage is planned where the margin is relative."""


@component
class Adaptive(StagedSampler):
    """Trials until half the width of the interval is at most ``margin``: ``Adaptive(0.001)``.

    Trials are drawn in stages, from strata by bit and direction of the fault: first in proportion
    to the sizes of the strata, then as many of each as the margin needs, given what the trials
    have shown so far; a stratum grows at most eightfold in a stage. Nothing is assumed about faults
    that were not tried, so that there is a *floor*: no campaign needs fewer than about
    ``z^2 / (2 margin)`` trials, 1,921 for 0.1 points at 95 %.

    ``by``: every group of this grouping has the margin, as in ``Adaptive(0.005, by="tensor")``.
    ``relative``: a larger margin where the rate is large, ``relative=0.1`` for a tenth of the rate,
    if that is more than ``margin``. ``figure``: the figure to which the margin applies, by default
    the headline. ``caps``: how much harm a fault can do at most, which lowers the floor.

    That the campaign stops when the interval is narrow enough may make the interval hold the rate
    less often than its confidence says. How often it does is measured, not proven.
    """

    margin: float
    confidence: float = 0.95
    by: str | None = None
    relative: float = 0.0
    figure: str | None = None
    caps: Caps | None = None

    def check(self) -> None:
        if not 0 < self.margin < 1:
            raise InputError(
                f"Adaptive: margin={self.margin} is not allowed; a share between 0 and 1, such as "
                "0.001 for 0.1 percentage points"
            )
        if not 0 < self.confidence < 1:
            raise InputError(
                f"Adaptive: confidence={self.confidence} is not allowed; between 0 and 1, such as "
                "0.95"
            )
        if not 0 <= self.relative < 1:
            raise InputError(
                f"Adaptive: relative={self.relative} is not allowed; a share of the rate from 0, "
                "below 1"
            )

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        figure = "the rate" if self.figure is None else f"the mean of {self.figure}"
        groups = "" if self.by is None else f" of every {self.by}"
        within = percent(self.margin)
        if self.relative:
            within += f", or {percent(self.relative)} of itself if that is more,"
        return (
            f"{faults_in_words(faults, planned)}, drawn in stages until {figure}{groups} was known "
            f"to within {within} at {percent(self.confidence)} confidence,"
        )

    def divide(self, space: FaultSpace, census: FaultCensus) -> Partition:
        return partition(space, census, self.by, lambda reach: self._first(reach) / _PER_STRATUM)

    def first_stage(self, draw: StageDraw) -> Stage:
        sizes = np.zeros(len(draw.partition.strata), np.int64)
        for group in range(len(draw.partition.groups)):
            own, strata = _of_group(draw.partition, group)
            reaches = np.array([s.weight * s.cap for s in strata])
            if not reaches.any():
                continue
            trials = self._first(float(reaches.sum()))
            # Two at least, as one says nothing of how much the values of a stratum vary.
            wanted = np.maximum(np.ceil(trials * reaches / reaches.sum()), 2)
            populations = np.array([s.population for s in strata], np.int64)
            sizes[own] = np.minimum(np.where(reaches > 0, wanted, 0), populations).astype(np.int64)
        margins = dict.fromkeys(draw.partition.groups, self._least)
        return draw.stage(np.zeros_like(sizes), sizes, {"margins": margins})

    def next_stage(
        self, draw: StageDraw, trials: StagedTrials, found: StageResults
    ) -> Stage | None:
        tried = np.array([stratum.trials for stratum in trials.strata], np.int64)
        strata_of_trials = trials.strata_of(np.arange(len(trials)))
        sizes, margins = tried.copy(), dict(trials.stages[-1].facts["margins"])
        contradicted = trials.above_caps(np.arange(len(trials)), found.values) > 0
        unknown = Estimate(0.0, 0.0, 1.0, self.confidence, 0)
        for group, name in enumerate(draw.partition.groups):
            # A group all of whose faults are known to be harmless has no trials.
            if name not in found.estimates and not contradicted:
                continue
            estimate = found.estimates.get(name, unknown)
            target = max(self.margin, self.relative * estimate.value)
            half = (estimate.high - estimate.low) / 2
            # A little more than the target is rounding of the interval and not worth a stage.
            if half <= target * (1 + 1e-9):
                continue
            own, strata = _of_group(draw.partition, group)
            # A cap that one trial refutes says nothing of the other faults, either.
            if contradicted:
                strata = [replace(stratum, cap=1.0) for stratum in strata]
            shown = [
                found.values[strata_of_trials == at] / (stratum.cap or 1.0)
                for at, stratum in zip(own.tolist(), strata, strict=True)
            ]
            deviations = stratum_deviations(shown, [stratum.weight for stratum in strata])
            known = [
                StratumPlan(
                    stratum.weight,
                    stratum.cap,
                    deviation,
                    stratum.population,
                )
                for deviation, stratum in zip(deviations, strata, strict=True)
            ]
            most = np.array([s.population for s in strata], np.int64)
            limit = np.minimum(np.maximum(_GROWTH * tried[own], 2), most)
            # Of faults that are proven to be harmless there is nothing to learn.
            limit[[s.cap == 0 for s in strata]] = 0
            planned = min(margins[name], target)
            wanted = np.minimum(allocation(known, planned, self.confidence), limit)
            enough = min(_LEAST_GROWTH * tried[own].sum(), (limit - tried[own]).sum())
            # What was planned has been drawn, and the interval is still too wide.
            while np.maximum(wanted - tried[own], 0).sum() < enough:
                # By how much the interval is too wide; hardly less, or a stage would change
                # nothing.
                planned *= max(_SHRINK, min(0.98 * target / half, 0.98))
                wanted = np.minimum(allocation(known, planned, self.confidence), limit)
            sizes[own] = np.maximum(wanted, tried[own])
            margins[name] = planned
        if not (sizes > tried).any():
            return None
        return draw.stage(tried, sizes, {"margins": margins})

    @property
    def _least(self) -> float:
        """The margin that the first stage is planned for."""
        return max(self.margin, self.relative * _USUAL_RATE)

    def _first(self, reach: float) -> int:
        """The trials of the first stage in a group, given the mean of the caps of its faults."""
        return math.ceil(floor_size(reach, self._least, self.confidence))


def _of_group(division: Partition, group: int) -> tuple[Numbers, list[StratumPlan]]:
    """The positions of the strata of a group, and what is known of them before any trial."""
    own = [at for at, stratum in enumerate(division.strata) if stratum.group == group]
    total = sum(division.strata[at].population for at in own)
    strata = [division.strata[at] for at in own]
    plans = [StratumPlan(s.population / total, s.cap, 0.0, s.population) for s in strata]
    return np.array(own, np.int64), plans
