"""How are the trials of a session executed and recorded in the run file?"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from radhard.engines import Campaign, Engine, Serial
from radhard.engines.audit import audit_result, audit_trials
from radhard.engines.base import Figures, Session, TrialResults
from radhard.engines.decoding import completed
from radhard.engines.exceptions import exception_notes
from radhard.engines.recheck import OutsideStateError
from radhard.engines.sampled_audit import SampledAudit, SampledTrials, unchanged
from radhard.executors import Executor, Pool, execute
from radhard.notes import Note, notes_of
from radhard.progress import Progress, Shown
from radhard.space import Numbers
from radhard.store import Store

__all__ = ["Execution", "ExecutionOptions", "Watch"]

_COMMIT_SECONDS = 0.5


@dataclass(frozen=True)
class ExecutionOptions:
    """How a campaign is executed and recorded; the figures do not depend on it."""

    executor: Executor
    engine: Engine | str
    """An engine, or "auto"."""
    store: str | Path | None
    """The run file; None keeps the run in memory."""
    repair: bool
    """Whether to repair a damaged run file first."""
    audit: float
    """The share of the trials that are repeated at the end."""
    progress: Shown
    names: Mapping[str, Any]
    """Additional entries of the manifest."""
    exact: bool = False
    """Whether no verdict may be inferred."""


class Watch(Protocol):
    """What a progress bar shows of the trials so far."""

    def add(self, numbers: Numbers, figures: Figures) -> None:
        """Take the figures of some trials, given their numbers in the run."""

    def text(self) -> str:
        """What is shown; empty for nothing."""


@dataclass
class Execution:
    """The execution of a campaign, whose results and notes are written to a run file."""

    campaign: Campaign
    pool: Pool
    file: Store
    progress: Shown
    inferences: dict[str, dict[str, Any]] = field(default_factory=dict)
    crashes: dict[str, str] = field(default_factory=dict)
    _unwritten: list[TrialResults] = field(default_factory=list)
    """Parts whose trials are in the open transaction, but whose records are not yet."""

    def run(
        self,
        session: Session,
        todo: Collection[int],
        done: int,
        *,
        first: int = 0,
        watch: "Watch | None" = None,
    ) -> None:
        """Execute the trials ``todo`` of a session; ``done`` is the number already executed.

        ``first``: the number in the run of trial 0 of the session, which may be that of a stage.
        ``watch``: what the progress bar shows instead of the mean of the trials.
        """
        campaign, file = session.campaign, self.file
        self.note(session.notes)
        if session.measured is not None:
            file.note("measured", session.measured.to_dict())
        last = time.monotonic()
        total, main = len(self.campaign.trials), campaign.panel.main
        seen = None if watch is None else watch.text
        with (
            Progress(total, done, main, shown=self.progress, seen=seen) as bar,
            # Closed also after exceptions, so that no worker is left running.
            closing(execute(session, todo, self.pool)) as parts,
        ):
            try:
                for part in parts:
                    figures = completed(campaign, part.numbers, part.figures)
                    rows = campaign.rows(part.numbers, figures)
                    file.add([(first + number, *row) for number, *row in rows] if first else rows)
                    # Its records are written with the next commit, together with the trials to
                    # which they belong.
                    self._unwritten.append(_of_stage(part, first))
                    if watch is not None:
                        watch.add(first + np.asarray(part.numbers), figures)
                    bar.advance(part.figures)
                    if time.monotonic() - last > _COMMIT_SECONDS:
                        self._commit()
                        last = time.monotonic()
            except OutsideStateError as error:
                file.note("refused", str(error))
                raise
            finally:
                self._commit()

    def conclude(self, session: Session) -> None:
        """Write what can be said only after the last trial."""
        self.note(session.conclusions(self.inferences))
        self.note(exception_notes(self.crashes))

    def audit(self, share: float) -> None:
        """Repeat a share of the trials with the reference, and record the differences."""
        campaign, file = self.campaign, self.file
        trials = audit_trials(len(campaign.trials), share, campaign.trials.seed)
        if not trials.size:
            return
        # What was measured on a share of the verdicts is not the figure of a trial.
        measured = (file.entry("measured") or {}).get("columns", [])
        columns = list(campaign.panel.columns)
        kept = [at for at, column in enumerate(columns) if column not in measured]
        sampled, rows = None, dict[int, range]()
        # Of nearly all trials, none need be left open.
        if len(campaign.trials) > 4 * len(trials):
            sampled = SampledAudit.of_campaign(campaign, measured)
        if sampled is not None:
            trials = audit_trials(
                len(campaign.trials), share, campaign.trials.seed, more=sampled.more
            )
        stored = file.frame().set_index("trial").loc[trials, columns].to_numpy(dtype=np.float64)
        if sampled is not None:
            few = trials[unchanged(campaign, stored, kept)]
            rows = sampled.rows(few, campaign.trials.seed)
        session = SampledTrials(campaign, rows, kept) if rows else Serial().open(campaign)
        # NaN, so that a trial that was not repeated would count as differing.
        reference = np.full((len(trials), len(columns)), np.nan)
        with (
            Progress(len(trials), 0, None, shown=self.progress, label="audit") as bar,
            closing(execute(session, trials.tolist(), self.pool)) as parts,
        ):
            for part in parts:
                figures = completed(campaign, part.numbers, part.figures)
                reference[np.searchsorted(trials, part.numbers)] = figures
                bar.advance(part.figures)
        result = audit_result(
            [columns[at] for at in kept],
            [campaign.panel.ranges[at] for at in kept],
            stored[:, kept],
            reference[:, kept],
            len(campaign.trials),
            sampled=sampled,
            few=len(rows),
        )
        self.note([Note("audit", result)])
        file.note("audit", result)

    def note(self, notes: Sequence[Note]) -> None:
        """Write the notes that are not yet in the file."""
        if not notes:
            return
        written = notes_of(self.file.entry("notes") or [])
        # Compared as text, since earlier versions stored notes as text.
        texts = {str(note) for note in written}
        fresh = {str(note): note for note in notes if str(note) not in texts}.values()
        if fresh:
            self.file.note("notes", [note.to_dict() for note in (*written, *fresh)])

    def _commit(self) -> None:
        """Commit the trials together with their records.

        Records are written once for many parts, since each writing repeats all earlier ones.
        """
        parts, self._unwritten = self._unwritten, []
        for part in parts:
            self.inferences.update(part.inferences)
            self.crashes.update(part.crashes)
        if any(part.inferences for part in parts):
            self.file.note("inferred", self.inferences)
        if any(part.crashes for part in parts):
            self.file.note("crashes", self.crashes)
        self.note([note for part in parts for note in part.notes])
        self.file.commit()


def _of_stage(part: TrialResults, first: int) -> TrialResults:
    """The results with names of records that differ from those of other stages."""
    if not first:
        return part
    records = {f"from trial {first}: {name}": one for name, one in part.inferences.items()}
    return replace(part, inferences=records)
