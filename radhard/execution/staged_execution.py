"""How are the trials of one stage after another drawn and executed?"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from radhard.engines import Campaign
from radhard.engines.base import Figures, Session
from radhard.errors import InputError
from radhard.execution.execution import Execution, Watch
from radhard.metrics import Panel
from radhard.notes import Note
from radhard.results import Results
from radhard.samplers import StageDraw, StagedSampler, StagedTrials, StageResults
from radhard.samplers.stage_draw import TrialLimitError
from radhard.space import Numbers
from radhard.stats import percent

__all__ = ["Stages", "execute_stages"]


@dataclass(frozen=True)
class Stages:
    """What draws the trials of a campaign."""

    sampler: StagedSampler
    draw: StageDraw
    figure: str
    """The figure whose margin decides how many trials there are, by its full name."""

    def is_led_by_measured(self, panel: Panel) -> bool:
        """Whether engines that infer verdicts measure this figure on one sample of each trial.

        The margin would then take many more trials than are saved.
        """
        return panel.columns.index(self.figure) in (panel.beyond_answer or ())


def execute_stages(
    execution: Execution, stages: Stages, opened: Callable[[Campaign], Session]
) -> None:
    """Execute all stages that are recorded, and those that follow until the sampler has enough.

    A stage is recorded before its first trial, so that a run that is continued has the same trials.
    """
    first, file = execution.campaign, execution.file
    session: Session | None = None
    finished = bool(file.manifest().get("finished"))
    _check_strata(_recorded(execution, first), stages)
    while True:
        trials = _recorded(execution, first)
        execution.campaign = replace(first, trials=trials)
        done, begin = file.done(), 0
        for number, stage in enumerate(trials.stages):
            end = begin + len(stage.faults)
            own = replace(first, trials=trials.of_stage(number)) if number else first
            # Trials are numbered over all stages in the file, and from 0 within a stage.
            mine = done[(done >= begin) & (done < end)] - begin
            if todo := own.left(mine):
                session = opened(own) if session is None else session.continued(own)
                execution.run(
                    session, todo, len(done), first=begin, watch=_watch(execution, stages, trials)
                )
                done = file.done()
            begin = end
        if finished:
            return
        try:
            stage_after = stages.sampler.next_stage(stages.draw, trials, _found(execution, stages))
        except TrialLimitError as error:
            execution.note([Note("trial limit", {"trials": error.trials, "most": error.most})])
            break
        if stage_after is None:
            break
        grown = stages.draw.trials([*trials.stages, stage_after])
        # What follows depends on the results so far: without this record, a run that is continued
        # with more of them would draw others.
        file.note("stages", grown.to_dict())
        file.note("planned", len(grown))
    if session is None:
        session = opened(first)
    execution.conclude(session)
    file.note("finished", True)


@dataclass
class _RunningInterval:
    """The interval that is valid at any moment, for the progress bar."""

    sampler: StagedSampler
    trials: StagedTrials
    name: str
    column: int
    bounds: tuple[float, float]
    values: Figures
    """The figure of every trial, from 0 to 1; NaN of those that are not executed."""
    _shown: tuple[int, str] = (-1, "")

    def add(self, numbers: Numbers, figures: Figures) -> None:
        low, high = self.bounds
        self.values[numbers] = np.clip((figures[:, self.column] - low) / (high - low), 0.0, 1.0)

    def text(self) -> str:
        missing = np.flatnonzero(np.isnan(self.values))
        first = int(missing[0]) if len(missing) else len(self.values)
        # Computed again only for more trials, as it takes a tenth of a second.
        if first != self._shown[0]:
            capped, sampler = self.trials.capped is not None, self.sampler
            values = self.values[:first]
            limits = sampler.anytime(self.trials, values, sampler.confidence, capped=capped)
            low, high = self.bounds
            # Limits are shares of the range of the figure.
            ends = [] if limits is None else [percent(low + (high - low) * x) for x in limits]
            text = " to ".join(ends)
            self._shown = first, f"{self.name} {text}" if text else ""
        return self._shown[1]


def _watch(execution: Execution, stages: Stages, trials: StagedTrials) -> Watch | None:
    """The running interval, if the sampler has one."""
    sampler, panel = stages.sampler, execution.campaign.panel
    if sampler.anytime(trials, np.zeros(0), sampler.confidence, capped=False) is None:
        return None
    results = Results.stored(execution.file, foreign=True)
    figure = results.column(sampler.figure)
    values = np.full(len(trials), np.nan)
    low, high = results.ranges[figure]
    values[results.numbers] = np.clip((results.values(figure) - low) / (high - low), 0.0, 1.0)
    name = figure.rpartition(".")[2]
    return _RunningInterval(sampler, trials, name, panel.columns.index(figure), (low, high), values)


def _recorded(execution: Execution, first: Campaign) -> StagedTrials:
    plain = execution.file.manifest()["stages"]
    return StagedTrials.from_dict(plain, first.space, first.trials.seed)


def _check_strata(trials: StagedTrials, stages: Stages) -> None:
    """Check that the recorded strata are those from which further stages would be drawn.

    Strata of the same names and sizes may have other faults, as with other scores of words:
    therefore the classes of all faults are compared as well.
    """
    division = stages.draw.partition
    same = [(s.name, s.population, s.cap) for s in trials.strata] == [
        (s.name, s.population, s.cap) for s in division.strata
    ]
    if not same or trials.classes != division.census.digest:
        raise InputError(
            f"{stages.sampler!r} has other strata than the recorded run: the scores, the caps or a "
            "file that they name has changed; restore it, or choose another run file"
        )


def _found(execution: Execution, stages: Stages) -> StageResults:
    """The figure of every trial so far, and the estimates of the groups."""
    sampler = stages.sampler
    results = Results.stored(execution.file, foreign=True)
    column = results.column(sampler.figure)
    low, high = results.ranges[column]
    values = np.clip((results.values(column) - low) / (high - low), 0.0, 1.0)
    # There are no trials if every fault is known to be harmless.
    estimates = results.estimates(column, sampler.by, sampler.confidence) if len(results) else {}
    return StageResults(values, estimates)
