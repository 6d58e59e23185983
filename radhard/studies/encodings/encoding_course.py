"""Which campaigns are run on the weights of a network in one encoding, one after another?"""

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
from radhard.studies.encodings.encoding_design import Encoding, EncodingDesign
from radhard.studies.network_campaign import network_campaign
from radhard.studies.networks import Network
from radhard.studies.study import Plan

__all__ = ["EncodingCourse"]

_APART = 2**32
"""Between the seeds of the campaigns of an encoding."""


@final
@dataclass(frozen=True, eq=False)
class EncodingCourse:
    """The campaigns of one encoding: a sweep over all rates, then where the sweep says."""

    study: str
    design: EncodingDesign
    network: Network
    plan: Plan
    encoding: Encoding
    model: nn.Module
    """The network with its weights in the encoding."""
    data: Data
    space: FaultSpace
    campaigns: list[Results] = field(default_factory=list)

    @property
    def tolerable(self) -> Tolerable:
        """What the campaigns so far say of the tolerable rate."""
        return tolerable(self.campaigns, increase=self.design.increase)

    def sweep(self) -> None:
        """Try all rates, and those beyond them if the encoding may tolerate all of them."""
        design, quick = self.design, self.plan.quick
        self._run("", design.rates_of(quick=quick), self._runs, 0)
        if design.beyond and not quick and math.isinf(self.tolerable.high):
            self._run("-beyond", design.beyond, self._runs, 1)

    def refine(self, found: Sequence[Tolerable], times: int) -> None:
        """Run ``times`` as many trials at the rates that decide the tolerable rates found."""
        rates = self.design.refinement(found, len(self.space))
        if rates and times:
            self._run("-near", rates, self._runs * times, 2)

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
                self.encoding.name,
                self.model,
                self.data,
                self.space,
                ErrorRate(tuple(rates), trials=trials),
                Accuracy(),
                suffix=suffix,
            )
        )
