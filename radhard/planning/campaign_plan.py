"""How many trials does a margin cost, by sampler, and how long do they take?"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from radhard.arguments import check_path, share
from radhard.campaign import run
from radhard.caps import Stated
from radhard.engines import ENGINES
from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.group_labels import labels
from radhard.models import load
from radhard.module import usable_module
from radhard.notebook import html_table
from radhard.planning.campaign_speed import campaign_speed
from radhard.planning.cap_plans import CapPlan, cap_plans
from radhard.planning.duration import duration
from radhard.planning.pilot_clock import clock
from radhard.planning.precision import Precision
from radhard.results import Results
from radhard.samplers import (
    Adaptive,
    Exhaustive,
    PerTensor,
    Sampler,
    StagedTrials,
    Uniform,
    Words,
)
from radhard.space import FaultSpace
from radhard.stats import Estimate, StratumPlan, allocation, floor_size, sample_size
from radhard.workload import Workload

__all__ = ["CampaignPlan", "SamplerPlan", "plan"]

_PILOT = 400
"""Trials of the pilot for each group, on average, that tell how much harm varies."""

_PUBLISHED = "published sample size, for a rate of 50 %"
"""Leveugle et al., DATE 2009."""

_WORDS = (8, 64, 512, 4096)
"""Words all of whose faults are executed, to learn how long it takes to exhaust a space: more of
them until the additional ones take `_LEAST_SECONDS`."""

_LEAST_SECONDS = 0.5

_SAMPLES = 2
"""Samples for which caps are computed."""

_OF_CAPS = "at least, with the caps of a few samples; time: to find caps, and the trials"

_GROUPS = 64
"""With more groups, a pilot of all of them would be a campaign."""


@dataclass(frozen=True)
class SamplerPlan:
    """A sampler that reaches the margin, with what it costs."""

    sampler: Sampler
    trials: int | None
    """None if the pilot does not tell."""
    seconds: float
    """Of the whole campaign on this machine, with one process and the engine of the pilot; of caps
    also the time to find them."""
    basis: str
    """Where the number of trials comes from."""

    @property
    def assumes(self) -> bool:
        """Whether the margin holds under an assumption only, which is audited."""
        return isinstance(self.sampler, Adaptive) and isinstance(self.sampler.caps, Stated)


@dataclass(frozen=True, repr=False)
class CampaignPlan:
    """What a margin costs in a fault space."""

    model: nn.Module | str
    data: Any
    options: Mapping[str, Any]
    """Further arguments of `run`, of the pilot and the campaign."""
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
    """Seconds a trial of `Adaptive`, measured in the pilot."""
    rows: tuple[SamplerPlan, ...]
    """The fastest first."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Ways to the margin that do not apply, with the reason."""

    @property
    def precision(self) -> Precision:
        """The margin, its confidence and the grouping."""
        return Precision(self.margin, self.confidence, self.by)

    @property
    def rate(self) -> Estimate:
        """The headline rate of the pilot."""
        rate: Estimate = self.pilot.rate()
        return rate

    @property
    def choice(self) -> SamplerPlan:
        """The fastest that assumes nothing: to draw faults, to prove caps first, or to try all."""
        return next(row for row in self.rows if not row.assumes)

    @property
    def floor(self) -> int:
        """Trials below which no sampler reaches the margin without assumptions."""
        return self.groups * math.ceil(floor_size(1.0, self.margin, self.confidence))

    def run(self, store: str | Path | None = None, **options: Any) -> Results:
        """Run the campaign of the `choice`, with the model and the options of the plan.

        Args:
            store: the run file. One that was begun for the same margin is continued with its own
                sampler, even if this pilot chose another one.
            options: further arguments of `run`, such as ``workers`` and ``progress``.

        Raises:
            InputError: the run file was begun for something else.
        """
        check_path(store, "store")
        path = None if store is None else Path(store)
        sampler = self.precision.sampler_of(path) or self.choice.sampler
        given: dict[str, Any] = {**self.options, **options}
        given["names"] = {**(given.get("names") or {}), **self.precision.names}
        return run(self.model, self.data, self.space, sampler, store=store, **given)

    def __repr__(self) -> str:
        lines = [f"<CampaignPlan for a margin of {self.precision}; fastest first>"]
        return "\n".join([*lines, *("  " + ", ".join(cells) for cells in self._cells())])

    def _repr_html_(self) -> str:
        title = f"Margin of {self.precision}"
        return html_table(["sampler", "trials", "time"], self._cells(), title=title)

    def _cells(self) -> list[tuple[str, str, str]]:
        return [
            (
                repr(row.sampler),
                "trials unknown" if row.trials is None else f"{row.trials:,} trials",
                duration(row.seconds) + (", under an assumption" if row.assumes else ""),
            )
            for row in self.rows
        ]


def plan(
    model: nn.Module | str,
    data: Any,
    space: FaultSpace | None = None,
    *,
    margin: float | None = None,
    max_rate: float | None = None,
    confidence: float = 0.95,
    by: str | None = None,
    compare: bool = True,
    seed: int = 0,
    call: Forward = plain,
    batch: int = 100,
    **options: Any,
) -> CampaignPlan:
    """What it costs to know a rate to within a margin, measured by a pilot of seconds.

    ``plan(model, data, margin=0.005, by="tensor").run()`` runs the fastest campaign that assumes
    nothing, as ``radhard run --margin 0.5% --by tensor`` does.

    Args:
        model, data, space, seed, call, batch: as for `run`.
        margin: half the width of the interval, as a share: 0.005 for 0.5 points.
        max_rate: instead of a margin, a limit that the upper confidence limit is to stay below; the
            margin is then its distance from the rate of the pilot.
        confidence: of the interval.
        by: every group of this grouping has the margin, such as ``"tensor"``.
        compare: whether to find out also what it takes to try every fault, and to find caps first.
        options: further arguments of `run` for the pilot and the campaign.

    Raises:
        InputError: the input cannot be used, the grouping has too many groups for a pilot, or the
            rate of the pilot is not below ``max_rate``.
    """
    asked = _asked(margin, max_rate, by)
    space = FaultSpace.of(model) if space is None else space
    if not isinstance(space, FaultSpace):
        raise InputError(f"the space is {type(space).__name__}; give FaultSpace.of(model, ...)")
    own = {**options, "seed": seed, "call": call, "batch": batch}
    given = {**own, "audit": 0, "progress": False}

    def timed(sampler: Sampler, **others: Any) -> tuple[Results, float]:
        began = clock()
        return run(model, data, space, sampler, **{**given, **others}), clock() - began

    table = _labels(space, by)
    # The pilot has the strata of the campaign, but a margin that takes few trials.
    coarse = floor_size(1.0, 1.0, confidence) / _PILOT
    coarse = max(asked, coarse) if max_rate is None else coarse
    pilot, _ = timed(Adaptive(min(coarse, 0.999), confidence=confidence, by=by))
    strata = _groups(pilot, table)
    if max_rate is not None:
        asked = _room(pilot, max_rate)
    fixed, (setup, per_trial) = _speeds(timed, pilot, len(space))
    rows = [
        _drawn(sampler, trials, basis, fixed, (setup, per_trial))
        for sampler, trials, basis in _samplers(pilot, space, strata, asked, confidence, by)
    ]
    left_out: dict[str, str] = {}
    if compare:
        rows += _exhausted(timed, space, left_out)
    if compare and pilot.details[pilot.column(None)].within_changes:
        few, samples = _few_samples(model, data, call=call, batch=batch, seed=seed)
        caps = cap_plans(few, samples, space, table, asked, confidence, left_out)
        rows += [_with_caps(one, asked, confidence, by, setup, per_trial) for one in caps]
    rows.sort(key=lambda row: row.seconds)
    return CampaignPlan(
        model,
        data,
        own,
        space,
        asked,
        confidence,
        by,
        len(strata),
        pilot,
        setup,
        per_trial,
        tuple(rows),
        left_out,
    )


def _few_samples(
    model: nn.Module | str, data: Any, *, call: Forward, batch: int, seed: int
) -> tuple[Workload, int]:
    """The model on the samples for which caps are computed, and the number of all samples."""
    module = usable_module(load(model) if isinstance(model, str) else model)
    whole = Workload.of(module, data, call=call, batch=batch, seed=seed)
    few = Workload.of(module, whole.data.first(_SAMPLES), call=call, batch=batch, seed=seed)
    return few, len(whole.data)


def _speeds(
    timed: Callable[..., tuple[Results, float]], pilot: Results, faults: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Seconds of the set-up and of a trial, of campaigns drawn at once and of those in stages.

    Verdicts of a large sample that is drawn at once may be inferred where those of stages are
    executed, which takes many times as long.
    """
    last = ""

    def watched(sampler: Sampler) -> tuple[Results, float]:
        nonlocal last
        found, seconds = timed(sampler)
        last = _engine(found)
        return found, seconds

    fixed = campaign_speed(watched, faults, _engine)
    if not _infers(last) or _infers(_engine(pilot)):
        return fixed, fixed
    return fixed, campaign_speed(lambda sampler: timed(sampler, exact=True), faults, _engine)


def _engine(found: Results) -> str:
    return str(found.manifest.get("engine"))


def _infers(engine: str) -> bool:
    return ENGINES.parse(engine).infers


def _drawn(
    sampler: Sampler,
    trials: int,
    basis: str,
    fixed: tuple[float, float],
    staged: tuple[float, float],
) -> SamplerPlan:
    """A campaign without caps, by the speed of those that are drawn as it is."""
    setup, per_trial = staged if isinstance(sampler, Adaptive) else fixed
    return SamplerPlan(sampler, trials, setup + per_trial * trials, basis)


def _labels(space: FaultSpace, by: str | None) -> list[str]:
    """The group of every variant of every region."""
    table = labels(space, by)
    if (groups := len(set(table))) > _GROUPS:
        raise InputError(
            f"by={by!r} has {groups:,} groups, and a pilot takes {_PILOT} trials in each; plan for "
            f"a grouping with at most {_GROUPS}, such as by='layer', or run Adaptive without a plan"
        )
    return table


def _with_caps(
    found: CapPlan, margin: float, confidence: float, by: str | None, setup: float, per_trial: float
) -> SamplerPlan:
    """A campaign with caps, which are found first."""
    sampler = Adaptive(margin, confidence=confidence, by=by, caps=found.caps)
    seconds = setup + per_trial * (found.trials or 0) + found.seconds
    basis = _OF_CAPS if found.measured else "time of the proof alone, estimated roughly"
    return SamplerPlan(sampler, found.trials, seconds, basis)


def _exhausted(
    timed: Callable[[Sampler], tuple[Results, float]],
    space: FaultSpace,
    left_out: dict[str, str],
) -> list[SamplerPlan]:
    """What it takes to try every fault: those of a word have more in common than any others."""
    words = int(space.words.sum())
    few, before, each = 0, 0.0, 0.0
    for size in _WORDS:
        try:
            found, after = timed(Words(min(size, words)))
        except InputError as error:
            left_out[repr(Exhaustive())] = str(error)
            return []
        if few:
            each = max(after - before, 0.0) / max(len(found) - few, 1)
            if after - before >= _LEAST_SECONDS or size >= words:
                break
        else:
            few, before = len(found), after
    seconds = before + each * len(space)
    return [SamplerPlan(Exhaustive(), len(space), seconds, "every fault; the rate is then exact")]


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
