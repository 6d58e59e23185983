"""How are the trials of a stage drawn from a partition?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.notes import Note
from radhard.samplers.base import Stratum
from radhard.samplers.partition import Partition
from radhard.samplers.staged_trials import Stage, StagedTrials
from radhard.samplers.trial_directions import TrialDirections
from radhard.space import Numbers
from radhard.stats import Estimate

__all__ = ["MOST_TRIALS", "StageDraw", "StageResults", "TrialLimitError"]

MOST_TRIALS = 100_000_000
"""Maximum number of trials in a run: the list of trials still to be executed must fit in memory."""


class TrialLimitError(InputError):
    """A stage with which a run would have more than `MOST_TRIALS` trials."""

    def __init__(self, trials: int) -> None:
        self.trials, self.most = trials, MOST_TRIALS
        super().__init__(
            f"the margin takes {trials:,} trials at once, but a run has at most {MOST_TRIALS:,}; "
            "choose a larger margin, or fewer tensors at a time"
        )


@dataclass(frozen=True)
class StageResults:
    """What the trials of all stages so far have shown, from which the next stage is planned."""

    values: npt.NDArray[np.float64]
    """The figure of every trial, from 0 to 1."""
    estimates: dict[str, Estimate]
    """The estimate of every group of the sampler, at its confidence."""


@dataclass(frozen=True)
class StageDraw:
    """A partition and the seed with which its faults are drawn, stage after stage.

    The trials of a stratum are the beginning of a random order of its faults, of which every stage
    takes the next ones: trial i of a stage depends only on the seed, on the numbers of trials of
    the stages before it and on i.
    """

    partition: Partition
    seed: int
    capped: str | None = None
    """The figure of which the caps hold."""

    def trials(self, stages: Sequence[Stage]) -> StagedTrials:
        """The trials of some stages."""
        tried = np.zeros(len(self.partition.strata), np.int64)
        for stage in stages:
            tried += np.bincount(stage.strata, minlength=len(tried))
        strata = [
            Stratum(s.name, 0, 0, s.population, n, s.cap)
            for s, n in zip(self.partition.strata, tried.tolist(), strict=True)
        ]
        faults = np.concatenate([np.zeros(0, np.int64), *(stage.faults for stage in stages)])
        census = self.partition.census
        directions = TrialDirections(census.by_direction, census.directions.of(faults))
        sizes = self.partition.sizes
        drawn = StagedTrials(
            strata,
            sizes,
            stages,
            self.seed,
            directions,
            capped=self.capped,
            classes=census.digest,
        )
        if census.classes is not None:
            drawn.notes = tuple(census.classes.notes)
        if untried := sum(stratum.population for stratum in strata if stratum.cap == 0):
            total = sum(stratum.population for stratum in strata)
            facts = {"figure": self.capped, "faults": untried, "of": total}
            drawn.notes = (*drawn.notes, Note("untried faults", facts))
        return drawn

    def stage(self, tried: Numbers, sizes: Numbers, facts: dict[str, Any]) -> Stage:
        """The stage after which ``sizes`` trials of each stratum are drawn, ``tried`` before it.

        Raises:
            TrialLimitError: a run cannot have that many trials.
        """
        if (total := int(sizes.sum())) > MOST_TRIALS:
            raise TrialLimitError(total)
        grown = np.flatnonzero(sizes > tried).tolist()
        parts = [self.partition.draw(at, int(tried[at]), int(sizes[at]), self.seed) for at in grown]
        strata = np.repeat(np.array(grown, np.int64), [len(part) for part in parts])
        return Stage(strata, np.concatenate([np.zeros(0, np.int64), *parts]), facts)
