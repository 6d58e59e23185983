"""How does a sampler draw trials stage by stage?"""

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from radhard.caps import Caps
from radhard.errors import InputError
from radhard.injection import Directions
from radhard.samplers.base import Sampler, Trials
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.fault_classes import CapClasses, FaultClasses
from radhard.samplers.partition import Partition
from radhard.samplers.stage_draw import StageDraw, StageResults
from radhard.samplers.staged_trials import Stage, StagedTrials
from radhard.space import FaultSpace
from radhard.workload import Workload

__all__ = ["StagedSampler"]

_MOST = 2**28
"""Faults of a space up to which all are counted, which takes some ten seconds."""


class StagedSampler(Sampler):
    """A sampler that draws the trials of a stage given what those of earlier stages have shown.

    Its strata depend on the values of the model's tensors. A stage depends on the seed and on the
    recorded results of the stages before it, and on nothing else: neither on the engine, nor on the
    order in which trials were executed. The run file has all stages.
    """

    by: str | None
    """The grouping of whose groups it needs estimates."""
    confidence: float
    figure: str | None
    """The figure that it needs; None: the headline."""
    caps: Caps | None

    def draw(self, space: FaultSpace, seed: int) -> Trials:  # noqa: ARG002
        raise InputError(
            f"{self!r} draws its trials while they are executed; take radhard.run, whose results "
            "have them as results.trials"
        )

    def prepare(self, workload: Workload, space: FaultSpace, seed: int, figure: str) -> StageDraw:
        """The strata of a space, from which stages are drawn; the workload is open.

        ``figure`` is the full name of the figure that the sampler needs.

        Raises:
            InputError: the space is too large, or cannot be divided.
        """
        if len(space) > _MOST:
            raise InputError(
                f"{self!r} counts the faults of the space by bit and direction, and {len(space):,} "
                f"are more than {_MOST:,}; take Uniform or PerTensor, or fewer tensors at a time"
            )
        classes = self.classes(workload, space)
        census = FaultCensus.of(Directions(workload.model, space), space, classes)
        return StageDraw(self.divide(space, census), seed, None if self.caps is None else figure)

    def classes(self, workload: Workload, space: FaultSpace) -> FaultClasses | None:
        """The classes that strata are divided by, besides bit and direction: those of caps."""
        return None if self.caps is None else CapClasses(self.caps.find(workload, space))

    def anytime(
        self,
        trials: StagedTrials,  # noqa: ARG002
        values: npt.NDArray[np.float64],  # noqa: ARG002
        confidence: float,  # noqa: ARG002
        *,
        capped: bool,  # noqa: ARG002
    ) -> tuple[float, float] | None:
        """Limits of the mean that are valid at any moment, of samplers that have such; else None.

        ``values`` are those of the first trials, from 0 to 1. ``capped``: whether caps hold for
        them.
        """
        return None

    @abstractmethod
    def divide(self, space: FaultSpace, census: FaultCensus) -> Partition:
        """The strata."""

    @abstractmethod
    def first_stage(self, draw: StageDraw) -> Stage:
        """The trials that are drawn before any is executed."""

    @abstractmethod
    def next_stage(
        self, draw: StageDraw, trials: StagedTrials, found: StageResults
    ) -> Stage | None:
        """The trials that follow, given all ``trials`` so far; None if these are enough."""
