"""How many trials does a margin cost, by sampler, and how long do they take?"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from radhard.arguments import check_options, check_path, number_in, share
from radhard.campaign import run
from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.module import check_order
from radhard.notebook import html_table
from radhard.planning.campaign_speed import CampaignSpeed
from radhard.planning.cap_plans import CapPlan, cap_plans
from radhard.planning.duration import duration
from radhard.planning.pilot import Pilot, strata_by_group
from radhard.planning.precision import Precision
from radhard.planning.sampler_plan import SamplerPlan
from radhard.progress_bar import ProgressBar
from radhard.results import Results
from radhard.samplers import Exhaustive, PerTensor, Sampler, Uniform
from radhard.space import FaultSpace, check_space
from radhard.stats import Estimate, StratumPlan, allocation, floor_size, percent, sample_size

__all__ = ["CampaignPlan", "plan"]

_PUBLISHED = "published sample size, for any rate"
"""Leveugle et al., DATE 2009."""

_SAMPLES = 2
"""Samples for which caps are computed."""

_OF_CAPS = f"lower bound, from the caps of {_SAMPLES} samples"


@dataclass(frozen=True, repr=False)
class CampaignPlan:
    """What a margin costs in a fault space."""

    campaign: Pilot
    """The model, the data, the space and the options."""
    precision: Precision
    """The margin, its confidence and the grouping."""
    groups: int
    pilot: Results
    """A small campaign, whose rate says what to expect."""
    speed: CampaignSpeed
    """Of campaigns with `Adaptive`."""
    rows: tuple[SamplerPlan, ...]
    """The fastest first."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Ways to the margin that do not apply, with the reason."""
    max_rate: float | None = None
    """The limit that was asked for instead of a margin."""
    seconds: float = 0.0
    """How long it took to make the plan."""

    @property
    def space(self) -> FaultSpace:
        """The possible faults."""
        return self.campaign.space

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
        asked = self.precision
        return self.groups * math.ceil(floor_size(1.0, asked.margin, asked.confidence))

    def run(self, store: str | Path | None = None, **options: Any) -> Results:
        """Run the campaign of the `choice`, with the model and the options of the plan.

        Args:
            store: the run file. One that was begun for the same margin is continued with its own
                sampler, even if this pilot chose another one.
            options: further arguments of `radhard.run`, such as ``workers`` and ``progress``.

        Raises:
            InputError: the run file was begun for something else.
        """
        check_options(options, self.run, run)
        check_path(store, "store")
        path = None if store is None else Path(store)
        sampler = self.precision.sampler_of(path) or self.choice.sampler
        own = self.campaign
        given: dict[str, Any] = {**own.options, **options}
        given["names"] = {**(given.get("names") or {}), **self.precision.names}
        return run(own.model, own.data, own.space, sampler, store=store, **given)

    @property
    def _purpose(self) -> str:
        """What was asked for: a margin, or a limit and the margin that keeps it."""
        margin = f"a margin of {self.precision}"
        if self.max_rate is None:
            return margin
        return f"an upper limit of {percent(self.max_rate)}, by {margin} if the pilot is right"

    def __repr__(self) -> str:
        lines = [f"<CampaignPlan for {self._purpose}; fastest first>"]
        lines += ["  " + ", ".join(row.cells) for row in self.rows]
        lines.append(
            f"  planned in {duration(self.seconds)}, with a pilot of {len(self.pilot):,} trials: "
            f"{self.rate}"
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        title = f"Campaigns for {self._purpose}"
        rows = [row.cells for row in self.rows]
        return html_table(["sampler", "trials", "time"], rows, title=title)


def plan(
    model: nn.Module | str,
    data: Any,
    space: FaultSpace | None = None,
    *,
    margin: float | str | None = None,
    max_rate: float | str | None = None,
    confidence: float | str = 0.95,
    by: str | None = None,
    compare: bool = True,
    seed: int = 0,
    call: Forward = plain,
    batch: int = 100,
    **options: Any,
) -> CampaignPlan:
    """What it costs to know a rate to within a margin, measured by a pilot.

    The pilot runs small campaigns: how much harm varies, how long trials take, and with ``compare``
    also how long all faults would take and what caps can tell. On a small network this takes a few
    seconds, which ``plan.seconds`` tells; on a terminal a bar shows what is measured.

    ``plan(model, data, margin=0.005, by="tensor").run()`` runs the fastest campaign that assumes
    nothing, as ``radhard run --margin 0.5% --by tensor`` does.

    Args:
        model, data, space, seed, call, batch: as for `run`.
        margin: half the width of the interval, as a share: 0.005 or "0.5%" for 0.5 points.
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
    check_options(options, plan, run)
    check_order(model, data)
    margin = None if margin is None else share(margin, "margin")
    max_rate = None if max_rate is None else share(max_rate, "max_rate")
    asked = Precision(_asked(margin, max_rate, by), number_in(confidence, "confidence"), by)
    space = FaultSpace.of(model) if space is None else space
    check_space(space)
    began = time.perf_counter()
    pilot = Pilot(model, data, space, {**options, "seed": seed, "call": call, "batch": batch})
    table = pilot.groups(by)
    # A function that is told the progress is for the campaign, and not for the pilot.
    shown = options.get("progress")
    bar = ProgressBar(shown=shown if isinstance(shown, bool) or shown is None else False)
    with bar.open("pilot: how much harm varies"):
        first = pilot.results(0.0 if margin is None else asked.margin, asked.confidence, by)
    if max_rate is not None:
        asked = replace(asked, margin=_room(first, max_rate))
    strata = strata_by_group(first, table)
    with bar.open("pilot: how long trials take"):
        fixed, staged = pilot.speeds(first)
    rows = [_adaptive(asked, strata, len(first), staged), *_published(asked, space, fixed)]
    left_out: dict[str, str] = {}
    if compare:
        with bar.open("pilot: all faults, and caps"):
            fastest = min(row.seconds for row in rows)
            rows += _other_ways(pilot, first, asked, table, staged, fastest, left_out)
    # By time and not by trials, since those of some samplers take longer.
    rows.sort(key=lambda row: row.seconds)
    took = time.perf_counter() - began
    return CampaignPlan(
        pilot, asked, len(strata), first, staged, tuple(rows), left_out, max_rate, took
    )


def _asked(margin: float | None, max_rate: float | None, by: str | None) -> float:
    """The margin or the limit that was given, checked."""
    if (margin is None) == (max_rate is None):
        given = "both are" if margin is not None else "neither is"
        raise InputError(f"give either margin=0.005 (0.5 points) or max_rate=0.01; {given} given")
    name, value = ("margin", margin) if margin is not None else ("max_rate", max_rate)
    assert value is not None
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
    room = max_rate - rate.value
    # Three digits, and not more than there is.
    digits = 2 - math.floor(math.log10(room))
    return math.floor(room * 10.0**digits) / 10.0**digits


def _adaptive(
    asked: Precision, strata: Mapping[str, list[StratumPlan]], least: int, speed: CampaignSpeed
) -> SamplerPlan:
    """`Adaptive` without caps, whose first stage has ``least`` trials."""
    trials = sum(
        int(allocation(own, asked.margin, asked.confidence).sum()) for own in strata.values()
    )
    trials = max(trials, least)
    return SamplerPlan(asked.adaptive(), trials, speed.seconds(trials), "expected from the pilot")


def _published(asked: Precision, space: FaultSpace, speed: CampaignSpeed) -> list[SamplerPlan]:
    """The sampler of the literature for the whole or for every tensor; none for other groups."""
    sampler: Sampler
    if asked.by is None:
        size = sample_size(len(space), asked.margin, asked.confidence)
        trials = min(len(space), math.ceil(size))
        sampler = Uniform(trials)
    elif asked.by in ("tensor", "layer"):
        sampler = PerTensor(margin=asked.margin, confidence=asked.confidence)
        trials = len(sampler.draw(space, 0))
    else:
        return []
    return [SamplerPlan(sampler, trials, speed.seconds(trials), _PUBLISHED)]


def _other_ways(
    pilot: Pilot,
    first: Results,
    asked: Precision,
    table: Sequence[str],
    speed: CampaignSpeed,
    fastest: float,
    left_out: dict[str, str],
) -> list[SamplerPlan]:
    """To try every fault, and to find caps first; what does not apply is added to ``left_out``."""
    found: list[SamplerPlan] = []
    everything = Exhaustive()
    try:
        seconds = pilot.exhaustion(fastest)
    except InputError as error:
        left_out[repr(everything)] = str(error)
    else:
        basis = "every fault; the rate is exact"
        found.append(SamplerPlan(everything, len(pilot.space), seconds, basis))
    # Caps bound changed predictions, and no figure that is more than that.
    if first.details[first.column(None)].within_changes:
        few, samples = pilot.first_samples(_SAMPLES)
        caps = cap_plans(few, samples, pilot.space, table, asked, left_out)
        found += [_with_caps(one, asked, speed) for one in caps]
    return found


def _with_caps(found: CapPlan, asked: Precision, speed: CampaignSpeed) -> SamplerPlan:
    """A campaign with caps, which are found first."""
    seconds = speed.seconds(found.trials or 0) + found.seconds
    basis = _OF_CAPS if found.measured else "time of the proof alone, estimated roughly"
    return SamplerPlan(asked.adaptive(found.caps), found.trials, seconds, basis)
