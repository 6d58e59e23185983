"""Trials until a margin is reached, in strata by the scores of an analysis."""

from collections.abc import Sequence

import numpy as np

from radhard.caps import Caps
from radhard.faults import FaultModel
from radhard.samplers.adaptive import Adaptive
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.fault_classes import FaultClasses
from radhard.samplers.partition import Partition
from radhard.samplers.score_classes import ScoreClasses
from radhard.samplers.stage_draw import StageDraw, StageResults
from radhard.samplers.staged_sampler import StagedSampler
from radhard.samplers.staged_trials import Stage, StagedTrials
from radhard.space import FaultSpace
from radhard.spec import component
from radhard.workload import Workload

__all__ = ["Guided"]

_SHARE = 0.2
"""Trials of the first stage that the scores distribute, as a share of the others."""


@component
class Guided(StagedSampler):
    """`Adaptive` with strata by scores: ``Guided("runs/scores.json", 0.001)``.

    ``scores``: a file that `Scores.save` wrote, by element, channel or tensor. Faults are also
    divided by the score of their word (without a score; up to the median; the 80th, the 95th and
    the 99th percentile; above), and a sixth of the first stage is drawn in proportion to the
    scores. Scores decide where faults are drawn, and never how they count: if they are wrong, the
    campaign takes more trials, and its interval is as good as without them. The floor of trials is
    that of `Adaptive`. Other arguments as for `Adaptive`.
    """

    scores: str
    margin: float
    confidence: float = 0.95
    by: str | None = None
    relative: float = 0.0
    figure: str | None = None

    def check(self) -> None:
        _ = self._adaptive

    @property
    def caps(self) -> Caps | None:  # type: ignore[override]
        """None: scores say where to draw, and bound nothing."""
        return None

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        return f"{self._adaptive.in_words(faults, planned)} where {self.scores} has high scores,"

    def classes(self, workload: Workload, space: FaultSpace) -> FaultClasses | None:  # noqa: ARG002
        return ScoreClasses(self.scores, space)

    def divide(self, space: FaultSpace, census: FaultCensus) -> Partition:
        return self._adaptive.divide(space, census)

    def first_stage(self, draw: StageDraw) -> Stage:
        first = self._adaptive.first_stage(draw)
        strata = draw.partition.strata
        sizes = np.bincount(first.strata, minlength=len(strata))
        classes = draw.partition.census.classes
        assert isinstance(classes, ScoreClasses)
        expected = np.array([s.population * classes.means[s.number] for s in strata])
        if expected.any():
            more = np.ceil(_SHARE * sizes.sum() * expected / expected.sum()).astype(np.int64)
            sizes = np.minimum(sizes + more, [s.population for s in strata])
        return draw.stage(np.zeros_like(sizes), sizes, first.facts)

    def next_stage(
        self, draw: StageDraw, trials: StagedTrials, found: StageResults
    ) -> Stage | None:
        return self._adaptive.next_stage(draw, trials, found)

    @property
    def _adaptive(self) -> Adaptive:
        return Adaptive(self.margin, self.confidence, self.by, self.relative, self.figure)
