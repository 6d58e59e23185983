"""A few small campaigns, which tell what a large one costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from radhard.campaign import run
from radhard.engines import ENGINES
from radhard.errors import InputError
from radhard.group_labels import labels
from radhard.models import load
from radhard.module import usable_module
from radhard.planning.campaign_speed import CampaignSpeed, campaign_speed
from radhard.planning.pilot_clock import clock
from radhard.results import Results
from radhard.samplers import Adaptive, Sampler, StagedTrials, Words
from radhard.space import FaultSpace
from radhard.stats import StratumPlan, floor_size
from radhard.workload import Workload

__all__ = ["Pilot", "strata_by_group"]

_TRIALS = 400
"""Trials for each group, on average, that tell how much harm varies."""

_WORDS = (8, 64, 512, 4096)
"""Words all of whose faults are executed, to learn how long it takes to exhaust a space: more of
them until the additional ones take `_LEAST_SECONDS`."""

_LEAST_SECONDS = 0.5

_CLEAR, _FAR = 0.05, 20
"""Seconds of a difference that is not noise, and how many times as long as the fastest way another
one takes that needs no closer look."""

_GROUPS = 64
"""With more groups, a pilot of all of them would be a campaign."""


@dataclass(frozen=True)
class Pilot:
    """The campaign that is planned: its model, data and faults, and small campaigns of them."""

    model: nn.Module | str
    data: Any
    space: FaultSpace
    options: Mapping[str, Any]
    """Further arguments of `run`."""

    def timed(self, sampler: Sampler, **others: Any) -> tuple[Results, float]:
        """The results of a campaign without an audit, and its seconds."""
        own = {**self.options, "audit": 0, "progress": False, **others}
        began = clock()
        return run(self.model, self.data, self.space, sampler, **own), clock() - began

    def results(self, margin: float, confidence: float, by: str | None) -> Results:
        """Those of a campaign with the strata of `Adaptive`, and with few trials.

        ``margin``: the one that is planned for, or the largest that may be.
        """
        coarse = max(margin, floor_size(1.0, 1.0, confidence) / _TRIALS)
        found, _ = self.timed(Adaptive(min(coarse, 0.999), confidence=confidence, by=by))
        return found

    def groups(self, by: str | None) -> list[str]:
        """The group of every variant of every region.

        Raises:
            InputError: there are too many groups for a pilot.
        """
        table = labels(self.space, by)
        if (groups := len(set(table))) > _GROUPS:
            raise InputError(
                f"by={by!r} has {groups:,} groups, and a pilot takes {_TRIALS} trials in each; "
                f"plan for a grouping with at most {_GROUPS}, such as by='layer', or run Adaptive "
                "without a plan"
            )
        return table

    def speeds(self, first: Results) -> tuple[CampaignSpeed, CampaignSpeed]:
        """How fast campaigns are that are drawn at once, and those that are drawn in stages.

        Verdicts of a large sample that is drawn at once may be inferred where those of stages,
        whose first one is small, are executed, which takes many times as long. ``first``: results
        of a campaign in stages.
        """
        last = ""

        def watched(sampler: Sampler) -> tuple[Results, float]:
            nonlocal last
            found, seconds = self.timed(sampler)
            last = _engine(found)
            return found, seconds

        faults = len(self.space)
        fixed = campaign_speed(watched, faults, _engine)
        if not _infers(last) or _infers(_engine(first)):
            return fixed, fixed
        return fixed, campaign_speed(
            lambda sampler: self.timed(sampler, exact=True), faults, _engine
        )

    def exhaustion(self, fastest: float) -> float:
        """Seconds to try every fault: those of a word have more in common than any others.

        ``fastest``: of the ways known so far; one that takes many times as long is not measured
        closely.

        Raises:
            InputError: the space cannot be exhausted.
        """
        words = int(self.space.words.sum())
        few, before, each = 0, 0.0, 0.0
        for size in _WORDS:
            found, after = self.timed(Words(min(size, words)))
            if few:
                each = max(after - before, 0.0) / max(len(found) - few, 1)
                if after - before >= _LEAST_SECONDS or size >= words:
                    break
                if after - before >= _CLEAR and each * len(self.space) > _FAR * fastest:
                    break
            else:
                few, before = len(found), after
        return before + each * len(self.space)

    def first_samples(self, number: int) -> tuple[Workload, int]:
        """The model on the first samples of the data, and the number of all samples."""
        weights, module = self.options.get("weights"), self.model
        module = load(module, weights=weights) if isinstance(module, str) else module
        module = usable_module(module)
        own = {name: self.options[name] for name in ("call", "batch", "seed")}
        whole = Workload.of(module, self.data, **own)
        return Workload.of(module, whole.data.first(number), **own), len(whole.data)


def strata_by_group(results: Results, table: Sequence[str]) -> dict[str, list[StratumPlan]]:
    """For each group its strata, with the deviations that a campaign in stages has shown.

    ``table``: the group of every variant of every region.
    """
    trials, space = results.trials, results.space
    assert isinstance(trials, StagedTrials)
    places = trials.strata_of(np.arange(len(trials)))
    values = results.values()
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


def _engine(found: Results) -> str:
    return str(found.manifest.get("engine"))


def _infers(engine: str) -> bool:
    return ENGINES.parse(engine).infers
