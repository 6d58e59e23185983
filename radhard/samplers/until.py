"""Trials whose interval may be looked at, and stopped at, at any moment."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from radhard.caps import Caps
from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import trial_key
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.partition import Partition, partition
from radhard.samplers.stage_draw import StageDraw, StageResults
from radhard.samplers.staged_sampler import StagedSampler
from radhard.samplers.staged_trials import Stage, StagedTrials
from radhard.space import FaultSpace, Numbers
from radhard.spec import component
from radhard.stats import (
    Bets,
    StratumPlan,
    betting_limits,
    floor_and_neyman,
    floor_size,
    percent,
)

__all__ = ["Until"]

_FIRST, _GROWTH = 100, 0.15
"""Trials of the first stage, and by what share of the trials so far a later stage grows."""

_FLOOR_SHARE = (0.2, 0.95)
"""The smallest and largest share of draws in proportion to the strata and their caps."""

_PRICE = 2.0
"""How many times as many trials validity at any moment costs, approximately."""

_STRATA, _PER_STRATUM = 40, 20
"""Most strata, since means of strata are learnt from few trials; more if there are as many planned
trials for each of them."""

Floats = npt.NDArray[np.float64]


@component
class Until(StagedSampler):
    """Trials until the interval is narrow enough, valid at any moment: ``Until(0.001)``.

    For those who watch a campaign and stop it when they have seen enough: the interval of the rate,
    as in the progress bar and in `Results.rate` without ``by``, holds the rate at all moments
    together with the probability ``confidence``. It is wider than that of `Adaptive`: the same
    margin takes about twice as many trials. Faults are drawn one after another, each from a
    stratum by bit and direction that is drawn at random, more often where the trials before it have
    shown more spread. Intervals of groups (``by=``) hold only for a campaign of fixed length.

    ``margin``, ``confidence``, ``figure``, ``caps``: as for `Adaptive` (Waudby-Smith and Ramdas,
    JRSS B 2024; strata chosen by what was seen: Spertus and Stark, 2022).
    """

    margin: float
    confidence: float = 0.95
    figure: str | None = None
    caps: Caps | None = None

    def check(self) -> None:
        for name, value in (("margin", self.margin), ("confidence", self.confidence)):
            if not 0 < value < 1:
                raise InputError(
                    f"Until: {name}={value} is not allowed; between 0 and 1, such as "
                    + ("0.001 for 0.1 percentage points" if name == "margin" else "0.95")
                )

    @property
    def by(self) -> str | None:  # type: ignore[override]
        """None: its interval is that of the whole space."""
        return None

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        figure = "the rate" if self.figure is None else f"the mean of {self.figure}"
        return (
            f"{faults_in_words(faults, planned)}, drawn one after another until {figure} was known "
            f"to within {percent(self.margin)} at {percent(self.confidence)} confidence, valid at "
            "any moment,"
        )

    def divide(self, space: FaultSpace, census: FaultCensus) -> Partition:
        # Caps that tell little of most faults must not take the place of their bits.
        return partition(
            space, census, None, lambda reach: max(_STRATA, self._planned(reach) / _PER_STRATUM)
        )

    def _planned(self, reach: float) -> float:
        """About how many trials the margin takes if harm is rare, by the mean of the caps."""
        return _PRICE * floor_size(reach, self.margin, self.confidence)

    def first_stage(self, draw: StageDraw) -> Stage:
        strata = draw.partition.strata
        reaches = np.array([s.population * s.cap for s in strata])
        shares = reaches / max(reaches.sum(), 1e-300)
        planned = self._planned(draw.partition.reach(0))
        nothing = np.zeros(len(strata), np.int64)
        return _stage(draw, nothing, shares, planned, number=0, trials=_FIRST)

    def next_stage(
        self, draw: StageDraw, trials: StagedTrials, found: StageResults
    ) -> Stage | None:
        estimate = found.estimates.get("")
        tried = np.array([stratum.trials for stratum in trials.strata], np.int64)
        left = np.array([s.population for s in trials.strata]) - tried
        if not trials.above_caps(np.arange(len(trials)), found.values):
            left[[s.cap == 0 for s in trials.strata]] = 0
        if estimate is None or not left.any():
            return None
        if estimate.high - estimate.low <= 2 * self.margin * (1 + 1e-9):
            return None
        shares, planned = self._plan(trials, found.values)
        more = max(_FIRST, math.ceil(_GROWTH * len(trials)))
        return _stage(draw, tried, shares, planned, number=len(trials.stages), trials=more)

    def anytime(
        self, trials: StagedTrials, values: Floats, confidence: float, *, capped: bool
    ) -> tuple[float, float] | None:
        capped = capped and not trials.above_caps(np.arange(len(values)), values)
        known = _Strata.of(trials, capped=capped)
        bets, begin = [], 0
        for stage in trials.stages:
            now = values[begin : begin + len(stage.strata)]
            # Bets are fair if any fault that is left, and may matter, could have been drawn.
            if (np.array(stage.facts["shares"])[known.left * known.caps > 0] > 0).all():
                bets.append(known.bets(stage, now))
            known.learn(stage.strata[: len(now)], now)
            begin += len(stage.strata)
        reach = float((known.weights * known.caps).sum())
        low, high = betting_limits(bets, confidence, reach)
        # What the faults that were not tried can add is certain, and soon little in a small space.
        least = float(known.sums.sum() / known.populations.sum())
        most = least + float((known.left * known.caps).sum())
        low, high = max(low, least), min(high, most)
        # If they contradict each other, the bets were unlucky.
        return (low, high) if low <= high else (least, most)

    def _plan(self, trials: StagedTrials, values: Floats) -> tuple[Floats, float]:
        """The probability of each stratum, and the trials that will be needed in all."""
        capped = trials.capped is not None
        capped = capped and not trials.above_caps(np.arange(len(trials)), values)
        known = _Strata.of(trials, capped=capped)
        known.learn(trials.strata_of(np.arange(len(trials))), values)
        plans = [
            StratumPlan(weight, cap, deviation / cap if cap else 0.0, population)
            for weight, cap, deviation, population in zip(
                known.weights.tolist(),
                known.caps.tolist(),
                known.deviations.tolist(),
                known.populations.tolist(),
                strict=True,
            )
        ]
        reaches, spreads = known.left * known.caps, known.left * known.deviations
        floor, neyman = floor_and_neyman(plans, self.margin, self.confidence)
        share = min(max(floor / (floor + neyman), _FLOOR_SHARE[0]), _FLOOR_SHARE[1])
        shares = reaches / reaches.sum()
        if spreads.any():
            shares = share * shares + (1 - share) * spreads / spreads.sum()
        return shares, _PRICE * (floor + neyman)


class _Strata:
    """What is known of the strata before a stage."""

    def __init__(self, weights: Floats, caps: Floats, populations: Numbers) -> None:
        self.weights, self.caps, self.populations = weights, caps, populations
        self.tried = np.zeros(len(weights))
        self.sums = np.zeros(len(weights))
        self.squares = np.zeros(len(weights))

    @classmethod
    def of(cls, trials: StagedTrials, *, capped: bool) -> "_Strata":
        """The strata before any trial."""
        populations = np.array([s.population for s in trials.strata], np.int64)
        caps = np.array([s.cap if capped else 1.0 for s in trials.strata])
        return cls(populations / populations.sum(), caps, populations)

    def learn(self, strata: Numbers, values: Floats) -> None:
        """Count the trials of a stage."""
        size = len(self.weights)
        self.tried += np.bincount(strata, minlength=size)
        self.sums += np.bincount(strata, values, minlength=size)
        self.squares += np.bincount(strata, values**2, minlength=size)

    @property
    def means(self) -> Floats:
        """The mean of each stratum so far, as if one more trial had shown nothing."""
        found: Floats = self.sums / (self.tried + 1)
        return found

    @property
    def deviations(self) -> Floats:
        """The standard deviation of each stratum so far."""
        means = self.sums / np.maximum(self.tried, 1)
        found: Floats = np.sqrt(np.maximum(self.squares / np.maximum(self.tried, 1) - means**2, 0))
        return found

    @property
    def left(self) -> Floats:
        """The share of the space that has not been tried, by stratum."""
        found: Floats = self.weights * (1 - self.tried / self.populations)
        return found

    def bets(self, stage: Stage, values: Floats) -> Bets:
        """The estimates of the mean by the first trials of a stage.

        A trial estimates it as the sum of the values already tried and of the means ``m`` of those
        that are not, plus what its value adds to that, over the probability of its stratum. Given
        the past this is unbiased, also without replacement: the faults of a stratum that are left
        have a mean of their own, of which the value is an unbiased estimate.
        """
        strata, means = stage.strata[: len(values)], self.means
        shares = np.array(stage.facts["shares"])
        before = _occurrences(strata)
        faults = self.populations[strata]
        chances = _chances(shares, self.populations - self.tried, strata, before)
        excess = values - means[strata]
        # What is tried is known, and no longer estimated by the mean of its stratum.
        moved = self.weights[strata] / faults * excess
        known = self.sums / self.populations + (1 - self.tried / self.populations) * means
        base = float(self.weights @ known) + np.cumsum(moved) - moved
        left = self.weights[strata] * (1 - (self.tried[strata] + before) / faults)
        drawn = shares > 0
        # Later in the stage, less is left, and probabilities are no smaller.
        rises = (self.left * np.maximum(self.caps - means, 0))[drawn] / shares[drawn]
        falls = (self.left * means)[drawn] / shares[drawn]
        spread = (self.left[drawn] * self.deviations[drawn]) ** 2 / shares[drawn]
        return Bets(
            base + left * excess / chances,
            base - float(falls.max(initial=0.0)),
            base + float(rises.max(initial=0.0)),
            float(spread.sum()),
            float(stage.facts["planned"]),
        )


def _occurrences(strata: Numbers) -> Numbers:
    """How many trials before each are of the same stratum."""
    order = np.argsort(strata, kind="stable")
    counts = np.bincount(strata, minlength=int(strata.max(initial=0)) + 1)
    firsts = np.cumsum(counts) - counts
    found = np.empty(len(strata), np.int64)
    found[order] = np.arange(len(strata)) - firsts[strata[order]]
    return found


def _chances(shares: Floats, left: Floats, strata: Numbers, before: Numbers) -> Floats:
    """The probability with which each trial's stratum was drawn.

    A stratum of which no fault is left is not drawn, and the others the more often.
    """
    found = shares[strata].copy()
    gone = np.flatnonzero(left[strata] == before + 1)
    if len(gone):
        ended = np.zeros(len(strata) + 1)
        ended[gone + 1] = shares[strata[gone]]
        found /= 1 - np.cumsum(ended)[:-1]
    return found


def _stage(
    draw: StageDraw, tried: Numbers, shares: Floats, planned: float, *, number: int, trials: int
) -> Stage:
    """Trials whose strata are drawn at random; none of a stratum of which no fault is left."""
    left = np.array([s.population for s in draw.partition.strata], np.int64) - tried
    shares = np.where(left > 0, shares, 0.0)
    shares = shares / max(shares.sum(), 1e-300)
    seeds = np.random.SeedSequence(trial_key(draw.seed, number))
    chance = np.random.Generator(np.random.Philox(seeds))
    strata: list[int] = []
    open_ = shares.copy()
    while len(strata) < trials and open_.any():
        at = int(chance.choice(len(shares), p=open_ / open_.sum()))
        strata.append(at)
        left[at] -= 1
        if left[at] == 0:
            open_[at] = 0.0
    drawn = np.array(strata, np.int64)
    sizes = tried + np.bincount(drawn, minlength=len(tried))
    stage = draw.stage(tried, sizes, {})
    # In the order in which their strata were drawn.
    faults = np.empty_like(stage.faults)
    faults[np.argsort(drawn, kind="stable")] = stage.faults
    return Stage(drawn, faults, {"shares": shares.tolist(), "planned": planned})
