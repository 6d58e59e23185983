"""How many trials does a margin cost, by sampler, and how long do they take?"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from radhard.arguments import share
from radhard.campaign import run
from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.group_labels import labels
from radhard.results import Results
from radhard.samplers import Adaptive, PerTensor, Sampler, StagedTrials, Uniform
from radhard.space import FaultSpace
from radhard.stats import Estimate, StratumPlan, allocation, floor_size, sample_size

__all__ = ["CampaignPlan", "SamplerPlan", "plan"]

_FIRST = 64
"""Trials of the first look, most of whose time is set-up."""

_PILOT = 400
"""Trials of the pilot for each group, on average, that tell how much harm varies."""

_PUBLISHED = "published sample size, for a rate of 50 %"
"""Leveugle et al., DATE 2009."""

_GROUPS = 64
"""With more groups, a pilot of all of them would be a campaign."""


@dataclass(frozen=True)
class SamplerPlan:
    """A sampler that reaches the margin, with what it costs."""

    sampler: Sampler
    trials: int
    seconds: float
    """Of the whole campaign on this machine, with one process and the engine of the pilot."""
    basis: str
    """Where the number of trials comes from."""


@dataclass(frozen=True)
class CampaignPlan:
    """What a margin costs in a fault space."""

    space: FaultSpace
    margin: float
    confidence: float
    by: str | None
    groups: int
    pilot: Results
    """A small campaign, whose rate says what to expect."""
    setup: float
    """Seconds before the first trial."""
    per_trial: float
    """Seconds a trial, measured in the pilot."""
    rows: tuple[SamplerPlan, ...]
    """The cheapest first."""

    @property
    def rate(self) -> Estimate:
        """The headline rate of the pilot."""
        rate: Estimate = self.pilot.rate()
        return rate

    @property
    def floor(self) -> int:
        """Trials below which no sampler reaches the margin without assumptions."""
        return self.groups * math.ceil(floor_size(1.0, self.margin, self.confidence))


def plan(
    model: nn.Module | str,
    data: Any,
    space: FaultSpace | None = None,
    *,
    margin: float | None = None,
    max_rate: float | None = None,
    confidence: float = 0.95,
    by: str | None = None,
    seed: int = 0,
    call: Forward = plain,
    batch: int = 100,
    **options: Any,
) -> CampaignPlan:
    """What it costs to know a rate to within a margin, measured by a pilot of seconds.

    Args:
        model, data, space, seed, call, batch: as for `run`.
        margin: half the width of the interval, as a share: 0.005 for 0.5 points.
        max_rate: instead of a margin, a limit that the upper confidence limit is to stay below; the
            margin is then its distance from the rate of the pilot.
        confidence: of the interval.
        by: every group of this grouping has the margin, such as ``"tensor"``.
        options: further arguments of `run` for the pilot.

    Raises:
        InputError: the input cannot be used, the grouping has too many groups for a pilot, or the
            rate of the pilot is not below ``max_rate``.
    """
    asked = _asked(margin, max_rate, by)
    space = FaultSpace.of(model) if space is None else space
    if not isinstance(space, FaultSpace):
        raise InputError(f"the space is {type(space).__name__}; give FaultSpace.of(model, ...)")
    given = {**options, "seed": seed, "call": call, "batch": batch, "audit": 0, "progress": False}

    def timed(sampler: Sampler) -> tuple[Results, float]:
        began = time.perf_counter()
        return run(model, data, space, sampler, **given), time.perf_counter() - began

    table = labels(space, by)
    if (groups := len(set(table))) > _GROUPS:
        raise InputError(
            f"by={by!r} has {groups:,} groups, and a pilot takes {_PILOT} trials in each; plan for "
            f"a grouping with at most {_GROUPS}, such as by='layer'"
        )
    first, first_seconds = timed(Uniform(min(_FIRST, len(space))))
    # The pilot has the strata of the campaign, but a margin that takes few trials.
    coarse = floor_size(1.0, 1.0, confidence) / _PILOT
    coarse = max(asked, coarse) if max_rate is None else coarse
    pilot, seconds = timed(Adaptive(min(coarse, 0.999), confidence=confidence, by=by))
    strata = _groups(pilot, table)
    if max_rate is not None:
        asked = _room(pilot, max_rate)
    more = len(pilot) - len(first)
    per_trial = (seconds - first_seconds) / more if more > _FIRST else seconds / len(pilot)
    per_trial = max(per_trial, 1e-6)
    setup = max(first_seconds - per_trial * len(first), 0.0)
    rows = [
        SamplerPlan(sampler, trials, setup + per_trial * trials, basis)
        for sampler, trials, basis in _samplers(pilot, space, strata, asked, confidence, by)
    ]
    rows.sort(key=lambda row: row.trials)
    return CampaignPlan(
        space, asked, confidence, by, len(strata), pilot, setup, per_trial, tuple(rows)
    )


def _asked(margin: float | None, max_rate: float | None, by: str | None) -> float:
    """The margin or the limit that was given, checked."""
    if (margin is None) == (max_rate is None):
        raise InputError("give either margin=0.005 (0.5 points) or max_rate=0.01, not both")
    name, value = ("margin", margin) if margin is not None else ("max_rate", max_rate)
    assert value is not None
    value = share(value, name)
    if not 0 < value < 1:
        raise InputError(f"{name}={value} is not allowed; a share between 0 and 1, such as 0.005")
    if max_rate is not None and by is not None:
        raise InputError("max_rate is a limit of the whole; with by= give a margin")
    return value


def _room(pilot: Results, max_rate: float) -> float:
    """The distance of the rate of a pilot from a limit."""
    rate: Estimate = pilot.rate()
    if rate.value >= max_rate:
        raise InputError(
            f"the rate of {len(pilot):,} trials, {rate}, is not below max_rate={max_rate:g}, so "
            "that no number of trials is likely to show that it is; harden the model, or allow more"
        )
    return max_rate - rate.value


def _samplers(
    pilot: Results,
    space: FaultSpace,
    strata: Mapping[str, list[StratumPlan]],
    margin: float,
    confidence: float,
    by: str | None,
) -> list[tuple[Sampler, int, str]]:
    """Samplers for the margin, their trials, and where these numbers come from."""
    trials = sum(int(allocation(own, margin, confidence).sum()) for own in strata.values())
    adaptive = Adaptive(margin, confidence=confidence, by=by)
    found: list[tuple[Sampler, int, str]] = [
        (
            adaptive,
            max(trials, len(pilot)),
            "expected from the pilot",
        )
    ]
    if by is None:
        n = min(len(space), math.ceil(sample_size(len(space), margin, confidence)))
        found.append((Uniform(n), n, _PUBLISHED))
    elif by in ("tensor", "layer"):
        sampler = PerTensor(margin=margin, confidence=confidence)
        found.append((sampler, len(sampler.draw(space, 0)), _PUBLISHED))
    return found


def _groups(pilot: Results, table: Sequence[str]) -> dict[str, list[StratumPlan]]:
    """For each group its strata, with the deviations that the pilot has shown.

    ``table``: the group of every variant of every region (`labels`).
    """
    trials, space = pilot.trials, pilot.space
    assert isinstance(trials, StagedTrials)
    places = trials.strata_of(np.arange(len(trials)))
    values = pilot.values()
    regions, _, variants = space.locate(trials.at(np.arange(len(trials))))
    found: dict[str, list[tuple[int, float]]] = {}
    for at, stratum in enumerate(trials.strata):
        rows = np.flatnonzero(places == at)
        if not len(rows):
            continue
        # All faults of a stratum are in one group.
        one = int(rows[0])
        group = table[int(space.variant_starts[regions[one]]) + int(variants[one])]
        own = values[rows]
        deviation = float(own.std(ddof=1)) if len(own) > 1 else 0.0
        found.setdefault(group, []).append((stratum.population, deviation))
    return {
        group: [
            StratumPlan(n / sum(size for size, _ in own), 1.0, deviation, n) for n, deviation in own
        ]
        for group, own in found.items()
    }
