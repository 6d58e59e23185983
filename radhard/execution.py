"""How are the trials of a campaign executed and recorded in its run file?"""

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from radhard.engines import Campaign, Serial
from radhard.engines.audit import audit_result
from radhard.engines.base import Session, TrialResults
from radhard.engines.exceptions import exception_notes
from radhard.engines.recheck import OutsideStateError
from radhard.executors import Pool, execute
from radhard.notes import Note, notes_of
from radhard.progress import Progress
from radhard.space import Numbers
from radhard.store import Store

__all__ = ["Execution"]

_COMMIT_SECONDS = 0.5


@dataclass
class Execution:
    """The execution of a campaign, whose results and notes are written to a run file."""

    campaign: Campaign
    pool: Pool
    file: Store
    progress: bool | None
    inferences: dict[str, dict[str, Any]] = field(default_factory=dict)
    crashes: dict[str, str] = field(default_factory=dict)

    def run(self, session: Session, todo: Collection[int], done: int) -> None:
        """Execute the trials ``todo``; ``done`` is the number of trials already executed."""
        campaign, file = self.campaign, self.file
        self.note(session.notes)
        last = time.monotonic()
        with (
            Progress(len(campaign.trials), done, campaign.panel.main, shown=self.progress) as bar,
            # Closed also after exceptions, so that no worker is left running.
            closing(execute(session, todo, self.pool)) as parts,
        ):
            try:
                for part in parts:
                    file.add(campaign.rows(part.numbers, part.figures))
                    self._record(part)  # in the same transaction as its trials
                    bar.advance(part.figures)
                    if time.monotonic() - last > _COMMIT_SECONDS:
                        file.commit()
                        last = time.monotonic()
            except OutsideStateError as error:
                file.note("refused", str(error))
                raise
            finally:
                file.commit()
        self.note(session.conclusions(self.inferences))
        self.note(exception_notes(self.crashes))

    def audit(self, trials: Numbers) -> None:
        """Repeat some trials with the reference, and record the differences."""
        campaign, file = self.campaign, self.file
        columns = list(campaign.panel.columns)
        reference = np.full((len(trials), len(columns)), np.nan)
        with (
            Progress(len(trials), 0, None, shown=self.progress, label="audit") as bar,
            closing(execute(Serial().open(campaign), trials.tolist(), self.pool)) as parts,
        ):
            for part in parts:
                reference[np.searchsorted(trials, part.numbers)] = part.figures
                bar.advance(part.figures)
        figures = file.frame().set_index("trial").loc[trials, columns].to_numpy(dtype=np.float64)
        result = audit_result(
            columns, campaign.panel.ranges, figures, reference, len(campaign.trials)
        )
        self.note([Note("audit", result)])
        file.note("audit", result)

    def note(self, notes: Sequence[Note]) -> None:
        """Write the notes that are not yet in the file."""
        if not notes:
            return
        written = notes_of(self.file.manifest().get("notes", []))
        # Compared as text, since earlier versions stored notes as text.
        texts = {str(note) for note in written}
        fresh = {str(note): note for note in notes if str(note) not in texts}.values()
        if fresh:
            self.file.note("notes", [note.to_dict() for note in (*written, *fresh)])

    def _record(self, part: TrialResults) -> None:
        if part.inferences:
            self.inferences.update(part.inferences)
            self.file.note("inferred", self.inferences)
        if part.crashes:
            self.crashes.update(part.crashes)
            self.file.note("crashes", self.crashes)
        self.note(part.notes)
