"""How is a campaign executed from its run file, or from the beginning?"""

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from radhard.engines import ENGINES, Campaign, Engine, chosen
from radhard.engines.base import Session
from radhard.engines.excerpt import excerpt
from radhard.errors import InputError, RadhardWarning
from radhard.execution.execution import Execution, ExecutionOptions
from radhard.execution.staged_execution import Stages, execute_stages
from radhard.manifest import audit_is_due, difference, engines_of, environment, recorded
from radhard.notes import Note
from radhard.results import Results
from radhard.samplers import StagedTrials, TrialDirections
from radhard.store import Store, repair
from radhard.workload import device_of

__all__ = ["execute_campaign"]

_NONE = np.zeros(0, np.int64)

_LOG = logging.getLogger("radhard")


def execute_campaign(
    campaign: Campaign,
    identified: Mapping[str, Any],
    golden: Tensor,
    notes: Sequence[Note],
    options: ExecutionOptions,
    stages: Stages | None = None,
) -> Results:
    """Execute the trials of a campaign that are not yet in its run file, and return the results.

    Args:
        campaign: its workload is open.
        identified: the entries of the manifest that identify the run.
        golden: the golden outputs.
        notes: what a reader of the results should know, for the manifest of a new run.
        options: how it is executed and recorded.
        stages: how further trials are drawn, if the campaign has those of the first stage.

    Raises:
        InputError: the file cannot be written, or contains another run.
    """
    store, engine = options.store, options.engine
    repaired = repair(store) if options.repair and store is not None else ""
    # Only this process writes the file; workers send their results.
    with Store(store, write=True) as file, options.executor.open() as pool:
        session: Session | None = None
        if file.empty:
            engine, session, known = _engine(engine, campaign, options.exact, stages)
            entries = _entries(campaign, golden, engine, [*known, *notes])
            file.begin({**options.names, **identified, **entries}, campaign.panel.columns)
        else:
            _check_same_run(file, identified, golden if campaign.workload.deterministic else None)
            if options.exact:
                _check_exact(file, engine)
        for note in notes:
            if note.kind == "near chance":
                # As if from the line that called `radhard.run`, behind its decorator.
                warnings.warn(str(note), RadhardWarning, stacklevel=5)
        manifest = file.manifest()
        inferences, crashes = (recorded(manifest, key) for key in ("inferred", "crashes"))
        execution = Execution(campaign, pool, file, options.progress, inferences, crashes)
        begun, where = time.monotonic(), "memory" if store is None else str(store)
        what = len(campaign.trials), campaign.space, manifest.get("engine"), where
        _LOG.info("%d trials of %r with %s, in %s", *what)
        if repaired:
            execution.note([Note.text(repaired)])

        def opened(of: Campaign) -> Session:
            # The session of the first trials of a new run exists already.
            if session is not None and of is campaign:
                return session
            return _same_engine(engine, execution).open(of)

        if stages is not None:
            execute_stages(execution, stages, opened)
        # Of a new run there is nothing to read.
        elif todo := campaign.left(done := file.done() if session is None else _NONE):
            session = opened(campaign)
            execution.run(session, todo, len(done))
            execution.conclude(session)
        # Of all trials, also of those that were executed before the run was continued.
        if audit_is_due(file.entries("engine", "continued", "audit")):
            execution.audit(options.audit)
        results = Results.stored(file, foreign=True)
        _LOG.info("%d trials done after %.1f s", len(results), time.monotonic() - begun)
        _log_notes(results)
        return results


def _log_notes(results: Results) -> None:
    for note in results.notes:
        _LOG.log(logging.DEBUG if note.of_execution else logging.INFO, "%s", note)


def _entries(
    campaign: Campaign, golden: Tensor, engine: Engine, notes: Sequence[Note]
) -> dict[str, Any]:
    """The entries of a new manifest that do not identify the run."""
    workload = campaign.workload
    if not workload.deterministic:
        notes = [*notes, Note("nondeterministic")]
    trials, directions = campaign.trials, _directions(campaign)
    stages: dict[str, Any] = {}
    if isinstance(trials, StagedTrials):
        stages = {"stages": trials.to_dict(), "planned": len(trials)}
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
        **stages,
    }


def _directions(campaign: Campaign) -> TrialDirections | None:
    """In which direction the fault of each trial changes its value, if trials have one fault."""
    trials = campaign.trials
    if not trials.single or trials.directions is not None:
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


def _check_exact(file: Store, engine: Engine | str) -> None:
    """Raise `InputError` if verdicts of a run file were inferred, or would be."""
    manifest = file.manifest()
    first = str(manifest.get("engine"))
    if manifest.get("inferred") or manifest.get("measured"):
        raise InputError(
            f"{str(file.path)!r} contains verdicts that were inferred, and exact=True (--exact) "
            "executes every trial; choose another file, or leave out exact"
        )
    # Interrupted before its first verdict, a run still goes on with the engine it was begun with.
    if engine == "auto" and _recorded_engine(first).infers:
        raise InputError(
            f"{str(file.path)!r} was begun with {first}, which infers verdicts, and exact=True "
            "(--exact) executes every trial; choose another file, give engine='Replay()' as well, "
            "or leave out exact"
        )


def _engine(
    engine: Engine | str, campaign: Campaign, exact: bool, stages: Stages | None
) -> tuple[Engine, Session, list[Note]]:
    """The engine of a new run, its session, and notes."""
    led = stages is not None and stages.is_led_by_measured(campaign.panel)
    if engine == "auto":
        deterministic = campaign.workload.deterministic
        # Measured on one sample of each trial, the figure takes more trials than inference saves.
        choice = chosen(campaign, deterministic=deterministic, exact=exact or led)
        return choice.engine, choice.session, [choice.note]
    assert isinstance(engine, Engine)
    session = engine.open(campaign)
    if stages is None or not led or session.measured is None:
        return engine, session, []
    facts = {"figure": stages.figure, "engine": repr(engine)}
    return engine, session, [Note("margin of measured", facts)]


def _same_engine(engine: Engine | str, execution: Execution) -> Engine:
    """The engine to continue with: that of the file, unless another one is named."""
    manifest = execution.file.manifest()
    first = str(manifest.get("engine"))
    if engine == "auto":
        return _recorded_engine(first)
    assert isinstance(engine, Engine)
    engines = engines_of(manifest)
    if repr(engine) not in engines:
        # Recorded before its first trial.
        execution.file.note("continued", [*engines[1:], repr(engine)])
        execution.note([Note("engines", {"first": first, "then": repr(engine)})])
    return engine


def _recorded_engine(name: str) -> Engine:
    """The engine with which a run file was begun.

    Raises:
        InputError: it is not part of radhard.
    """
    try:
        return ENGINES.parse(name, foreign=False)
    except InputError:
        raise InputError(
            f"the run was begun with engine {name!r}, which is not part of radhard; to continue, "
            "give that engine, or another one, as engine="
        ) from None
