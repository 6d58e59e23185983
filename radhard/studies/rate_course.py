"""Which campaigns look for the tolerable error rate of a network, one after another?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import final

from torch import nn

from radhard.comparison import Tolerable, tolerable
from radhard.datasets import Data
from radhard.metrics import Accuracy
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.space import FaultSpace
from radhard.studies.network_campaign import network_campaign
from radhard.studies.networks import Network
from radhard.studies.rate_design import RateDesign
from radhard.studies.study import Plan

__all__ = ["RateCourse"]

_APART = 2**32
"""Between the seeds of the campaigns of one space."""


@final
@dataclass(frozen=True, eq=False)
class RateCourse:
    """The campaigns of one fault space: a sweep over all rates, then where the sweep says."""

    study: str
    design: RateDesign
    network: Network
    plan: Plan
    name: str
    """Unique in the study and network."""
    model: nn.Module
    """The network, or a variant of it."""
    data: Data
    space: FaultSpace
    campaigns: list[Results] = field(default_factory=list)

    @property
    def tolerable(self) -> Tolerable:
        """What the campaigns so far say of the tolerable rate."""
        return tolerable(self.campaigns, increase=self.design.increase)

    def sweep(self) -> None:
        """Try all rates, and those beyond them if all of them may be tolerated."""
        design, quick = self.design, self.plan.quick
        self._run("", design.rates_of(quick=quick), self._runs, 0)
        if design.beyond and not quick and math.isinf(self.tolerable.high):
            self._run("-beyond", design.beyond, self._runs, 1)

    def refine(self, found: Sequence[Tolerable], times: int) -> None:
        """Run ``times`` as many trials at the rates that decide the tolerable rates found."""
        rates = self.design.refinement(found, self.size)
        if rates and times:
            self._run("-near", rates, self._runs * times, 2)

    @property
    def size(self) -> int:
        """Number of faults, or of words, of the space: what the rates count."""
        starts = self.space.starts if self.design.per == "bit" else self.space.word_starts
        return int(starts[-1])

    @property
    def _runs(self) -> int:
        return self.design.runs if self.plan.runs is None else self.plan.runs

    def _run(self, suffix: str, rates: Sequence[float], trials: int, part: int) -> None:
        """Run a campaign, or continue it if the store contains part of it."""
        # The trials of the campaigns are evaluated together, so they must be independent.
        plan = replace(self.plan, seed=self.plan.seed + part * _APART)
        self.campaigns.append(
            network_campaign(
                self.study,
                self.network,
                plan,
                self.name,
                self.model,
                self.data,
                self.space,
                ErrorRate(tuple(rates), trials=trials, per=self.design.per),
                Accuracy(),
                suffix=suffix,
            )
        )
