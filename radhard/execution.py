"""How are the trials of a campaign executed and recorded in its run file?"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from radhard.engines import ENGINES, Campaign, Engine, Serial, chosen
from radhard.engines.audit import audit_result
from radhard.engines.base import Session, TrialResults
from radhard.engines.decoding import completed
from radhard.engines.exceptions import exception_notes
from radhard.engines.excerpt import excerpt
from radhard.engines.recheck import OutsideStateError
from radhard.errors import InputError
from radhard.executors import Executor, Pool, execute
from radhard.manifest import audit_is_due, difference, engines_of, environment, recorded
from radhard.notes import Note, notes_of
from radhard.progress import Progress
from radhard.results import Results
from radhard.samplers import TrialDirections
from radhard.space import Numbers
from radhard.store import Store, repair
from radhard.workload import device_of

__all__ = ["Execution", "ExecutionOptions", "execute_campaign"]

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
    audited: Numbers
    """The trials that are repeated at the end."""
    progress: bool | None
    names: Mapping[str, Any]
    """Additional entries of the manifest."""


@dataclass
class Execution:
    """The execution of a campaign, whose results and notes are written to a run file."""

    campaign: Campaign
    pool: Pool
    file: Store
    progress: bool | None
    inferences: dict[str, dict[str, Any]] = field(default_factory=dict)
    crashes: dict[str, str] = field(default_factory=dict)
    _unwritten: list[TrialResults] = field(default_factory=list)
    """Parts whose trials are in the open transaction, but whose records are not yet."""

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
                    figures = completed(campaign, part.numbers, part.figures)
                    file.add(campaign.rows(part.numbers, figures))
                    self._unwritten.append(part)
                    bar.advance(part.figures)
                    if time.monotonic() - last > _COMMIT_SECONDS:
                        self._commit()
                        last = time.monotonic()
            except OutsideStateError as error:
                file.note("refused", str(error))
                raise
            finally:
                self._commit()
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
                figures = completed(campaign, part.numbers, part.figures)
                reference[np.searchsorted(trials, part.numbers)] = figures
                bar.advance(part.figures)
        stored = file.frame().set_index("trial").loc[trials, columns].to_numpy(dtype=np.float64)
        result = audit_result(
            columns, campaign.panel.ranges, stored, reference, len(campaign.trials)
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


def execute_campaign(
    campaign: Campaign,
    identified: Mapping[str, Any],
    golden: Tensor,
    notes: Sequence[Note],
    options: ExecutionOptions,
) -> Results:
    """Execute the trials of a campaign that are not yet in its run file, and return the results.

    Args:
        campaign: its workload is open.
        identified: the entries of the manifest that identify the run.
        golden: the golden outputs.
        notes: what a reader of the results should know, for the manifest of a new run.
        options: how it is executed and recorded.

    Raises:
        InputError: the file cannot be written, or contains another run.
    """
    store, engine = options.store, options.engine
    repaired = repair(store) if options.repair and store is not None else ""
    with Store(store, write=True) as file, options.executor.open() as pool:
        session: Session | None = None
        if file.empty:
            engine, session, engine_notes = _engine(engine, campaign)
            entries = _entries(campaign, golden, engine, [*engine_notes, *notes])
            file.begin({**options.names, **identified, **entries}, campaign.panel.columns)
        else:
            _check_same_run(file, identified, golden if campaign.workload.deterministic else None)
        manifest = file.manifest()
        inferences, crashes = (recorded(manifest, key) for key in ("inferred", "crashes"))
        execution = Execution(campaign, pool, file, options.progress, inferences, crashes)
        if repaired:
            execution.note([Note.text(repaired)])
        done = file.done()
        if todo := campaign.left(done):
            if session is None:
                session = _same_engine(engine, execution).open(campaign)
            execution.run(session, todo, len(done))
        if options.audited.size and audit_is_due(file.manifest()):
            execution.audit(options.audited)
        return Results.stored(file, foreign=True)


def _entries(
    campaign: Campaign, golden: Tensor, engine: Engine, notes: Sequence[Note]
) -> dict[str, Any]:
    """The entries of a new manifest that do not identify the run."""
    workload = campaign.workload
    if not workload.deterministic:
        notes = [*notes, Note("nondeterministic")]
    directions = _directions(campaign)
    return {
        "notes": [note.to_dict() for note in notes],
        "environment": environment(device_of(workload.model)),
        "engine": repr(engine),
        "continued": [],
        "audit": None,
        "inferred": {},
        "crashes": {},
        "deterministic": workload.deterministic,
        "golden": excerpt(golden),
        **({} if directions is None else {"directions": directions.to_dict()}),
    }


def _directions(campaign: Campaign) -> TrialDirections | None:
    """In which direction the fault of each trial changes its value, if trials have one fault."""
    trials = campaign.trials
    if not trials.single:
        return None
    faults = trials.at(np.arange(len(trials)))
    return TrialDirections.of(campaign.workload.model, campaign.space, faults)


def _check_same_run(file: Store, identified: Mapping[str, Any], golden: Tensor | None) -> None:
    """Raise `InputError` unless a run file belongs to this campaign and can be continued."""
    manifest = file.manifest()
    if manifest.get("refused"):
        raise InputError(f"{str(file.path)!r}: {manifest['refused']}")
    if differing := difference(manifest, dict(identified), golden):
        raise InputError(
            f"{str(file.path)!r} contains a run with other settings: {differing}; choose another "
            "file, or repeat that run with radhard run --from"
        )


def _engine(engine: Engine | str, campaign: Campaign) -> tuple[Engine, Session, list[Note]]:
    """The engine of a new run, its session, and notes."""
    if engine == "auto":
        choice = chosen(campaign, deterministic=campaign.workload.deterministic)
        return choice.engine, choice.session, [choice.note]
    assert isinstance(engine, Engine)
    return engine, engine.open(campaign), []


def _same_engine(engine: Engine | str, execution: Execution) -> Engine:
    """The engine to continue with: that of the file, unless another one is named."""
    manifest = execution.file.manifest()
    first = str(manifest.get("engine"))
    if engine == "auto":
        try:
            return ENGINES.parse(first, foreign=False)
        except InputError:
            raise InputError(
                f"the run was begun with engine {first!r}, which is not part of radhard; to "
                "continue, give that engine, or another one, as engine="
            ) from None
    assert isinstance(engine, Engine)
    engines = engines_of(manifest)
    if repr(engine) not in engines:
        # Recorded before its first trial.
        execution.file.note("continued", [*engines[1:], repr(engine)])
        execution.note([Note("engines", {"first": first, "then": repr(engine)})])
    return engine
