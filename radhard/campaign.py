"""How often does a fault change the prediction of a model?"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from radhard.arguments import (
    check_path,
    component_of,
    components_of,
    seconds,
    share,
    whole,
)
from radhard.engines import ENGINES, Campaign, Engine, chosen
from radhard.engines.audit import audit_trials
from radhard.engines.base import Session
from radhard.engines.excerpt import excerpt
from radhard.engines.golden_answers import golden_answers
from radhard.engines.recheck import check_no_outside_state
from radhard.engines.unread import check_read
from radhard.errors import InputError
from radhard.execution import Execution
from radhard.executors import EXECUTORS, Executor, Forked, Local
from radhard.forward import faultless, plain
from radhard.manifest import audit_is_due, difference, engines_of, environment, identity, recorded
from radhard.metrics import METRICS, Metric, Outcome, Panel
from radhard.metrics.base import kind_of
from radhard.module import usable_module
from radhard.notes import Note
from radhard.remarks import remarks, usual_metrics
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.samplers.given import sampler_of
from radhard.space import Fault, FaultSpace
from radhard.store import Store
from radhard.store import repair as repair_file
from radhard.targets import Forward
from radhard.workload import Workload, device_of

__all__ = ["faultless", "run"]

_MOST_TRIALS = 100_000_000
"""Maximum number of trials in a run: the list of trials still to be executed must fit in memory."""


def run(
    model: nn.Module,
    data: Any,
    space: FaultSpace,
    sampler: Sampler | str | Sequence[int | Fault],
    *,
    metrics: Metric | str | Sequence[Metric | str] | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    engine: Engine | str = "auto",
    call: Forward = plain,
    batch: int = 100,
    progress: bool | None = None,
    deterministic: bool = True,
    names: dict[str, Any] | None = None,
    workers: int = 1,
    worker_timeout: float | None = None,
    executor: Executor | str | None = None,
    audit: float = 0.0025,
    repair: bool = False,
) -> Results:
    """Run a fault-injection campaign: all trials of the sampler, evaluated by the metrics.

    Components may be given as text, as on the command line.

    Args:
        model: any network; it is in evaluation mode during the run and restored bit for bit.
        data: inputs with labels, as `Data`, a pair, a torch ``Dataset`` or ``DataLoader``.
        space: the possible faults.
        sampler: determines which of them are tried; a list of faults or their numbers is `Given`.
        metrics: by default `Outcome`, and `Accuracy` if there are suitable labels.
        seed: the seed of all random draws; trial i depends on the seed and i only.
        store: the run file. If it contains part of the same run, the run is continued. Its
            checksums are verified first; a damaged file is reported and not used.
        engine: determines how trials are executed; ``"auto"`` chooses the engine with which the run
            file was begun, or the fastest suitable one (the notes of the results give the reason).
        call: for models that do not return one tensor: ``(model, batch) -> (samples, ...)``.
        batch: number of samples per forward pass.
        progress: whether to show a progress bar; by default if there is a terminal.
        deterministic: reject a model whose fault-free passes differ.
        names: additional entries of the manifest, such as the origin of model and data.
        workers: number of processes that execute trials, each with one thread. The figures do not
            depend on it (if torch uses one thread in the case of a single process).
        worker_timeout: seconds without a result after which a worker is replaced and its trials
            are repeated; by default 100 times the longest wait so far, and at least 5 minutes.
        executor: where trials are executed, instead of ``workers`` and ``worker_timeout``:
            `Local`, `Forked` or `Ray` (a cluster). The figures do not depend on it.
        audit: share of the trials of a faster engine (at least 20 trials) that `Serial` repeats at
            the end; the notes report how often they differ. 0: none.
        repair: if the run file is damaged, keep the intact trials and repeat the others; the
            damaged file is kept beside it.

    Raises:
        InputError: the input cannot be used; the message suggests what to do. The run file is
            unchanged.
        KeyboardInterrupt: all finished trials are in the run file; the same call continues the run.
    """
    model = usable_module(model)
    if not isinstance(space, FaultSpace):
        raise InputError(f"the space is {type(space).__name__}; give FaultSpace.of(model, ...)")
    sampler = sampler_of(sampler)
    if metrics is not None:
        metrics = components_of(metrics, METRICS, "metrics")
    if engine != "auto":
        engine = component_of(engine, ENGINES, "engine")
    seed = whole(seed, "seed", least=0)
    workers, audit = whole(workers, "workers", least=1), share(audit, "audit")
    executor = _executor(executor, workers, seconds(worker_timeout, "worker_timeout"))
    check_path(store, "store")
    workload = Workload.of(
        model, data, call=call, batch=batch, seed=seed, deterministic=deterministic
    )
    trials = sampler.draw(space, seed)
    if len(trials) > _MOST_TRIALS:
        raise InputError(
            f"{sampler!r} asks for {len(trials):,} trials; a run has at most {_MOST_TRIALS:,}: ask "
            "for fewer trials, or for several runs with other seeds"
        )
    single = trials.single and any(site.samples is not None for site in space.sites)
    space.check_samples(len(workload.data))
    repeated = audit_trials(len(trials), audit, seed)
    # If a trial affects one sample, that sample is passed alone and independently of the samples
    # before it: batches of another size may round differently, and the output with a masked fault
    # must be bitwise equal to the golden output.
    together = workload.batch
    workload = replace(workload, batch=1 if single else together, independent=single)
    with workload.open() as was_training, _one_thread(executor.one_thread):
        # If only predictions matter, most golden outputs may come from batches; only samples with
        # nearly equal logits have to be passed alone.
        answers = all(site.samples is not None for site in space.sites) and all(
            metric.by_answer for metric in metrics or [Outcome()]
        )
        golden = (
            golden_answers(workload, together, kind=kind_of(metrics or ()))
            if single and answers
            else workload.golden
        )
        metric_notes: list[Note] = []
        if metrics is None:
            metrics, metric_notes = usual_metrics(golden, workload.data.labels)
        panel = Panel(metrics, golden, workload.data.labels, alone=single)
        panel.check_scores()
        campaign = Campaign(workload, space, trials, panel)
        executor.check_possible(campaign)
        check_no_outside_state(campaign)
        unread = check_read(campaign)
        identified = identity(campaign, sampler, seed)
        repaired = repair_file(store) if repair and store is not None else ""
        with Store(store, write=True) as file, executor.open() as pool:
            session: Session | None = None
            if file.empty:
                engine, session, notes = _engine(engine, campaign)
                notes += [*unread, *metric_notes, *remarks(campaign)]
                if was_training:
                    notes.append(Note("training mode"))
                if not deterministic:
                    notes.append(Note("nondeterministic"))
                more = {
                    "notes": [note.to_dict() for note in notes],
                    "environment": environment(device_of(workload.model)),
                    "engine": repr(engine),
                    "continued": [],
                    "audit": None,
                    "inferred": {},
                    "crashes": {},
                    "deterministic": deterministic,
                    "golden": excerpt(golden),
                }
                file.begin({**(names or {}), **identified, **more}, panel.columns)
                execution = Execution(campaign, pool, file, progress)
            else:
                manifest = file.manifest()
                if manifest.get("refused"):
                    raise InputError(f"{str(store)!r}: {manifest['refused']}")
                expected = golden if deterministic else None
                if differing := difference(manifest, identified, expected):
                    raise InputError(
                        f"{str(store)!r} holds another run: {differing}; choose another file, or "
                        "repeat what the file says (radhard run --from)"
                    )
                execution = Execution(
                    campaign,
                    pool,
                    file,
                    progress,
                    inferences=recorded(manifest, "inferred"),
                    crashes=recorded(manifest, "crashes"),
                )
            if repaired:
                execution.note([Note.text(repaired)])
            done = file.done()
            if todo := campaign.left(done):
                if session is None:
                    engine = _same_engine(engine, execution)
                    session = engine.open(campaign)
                execution.run(session, todo, len(done))
            if repeated.size and audit_is_due(file.manifest()):
                execution.audit(repeated)
            return Results.stored(file, foreign=True)


def _executor(executor: Executor | str | None, workers: int, timeout: float | None) -> Executor:
    if executor is not None:
        if workers != 1 or timeout is not None:
            raise InputError(
                "workers and worker_timeout are for processes of this machine; with executor= give "
                "them there: executor='Forked(4)' or 'Ray(workers=4)'"
            )
        return component_of(executor, EXECUTORS, "executor")
    return Local() if workers == 1 else Forked(workers, timeout)


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
                f"the run was begun with engine {first!r}; name it to continue, or another one"
            ) from None
    assert isinstance(engine, Engine)
    engines = engines_of(manifest)
    if repr(engine) not in engines:
        # Recorded before its first trial.
        execution.file.note("continued", [*engines[1:], repr(engine)])
        execution.note([Note("engines", {"first": first, "then": repr(engine)})])
    return engine


@contextmanager
def _one_thread(on: bool) -> Iterator[None]:
    """Have torch use one thread if ``on``, since the order of summation depends on their number."""
    before = torch.get_num_threads()
    if on:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if on:
            torch.set_num_threads(before)
