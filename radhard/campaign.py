"""How often does a fault change what a model says?"""

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from radhard.arguments import (
    component_of,
    components_of,
    demand_path,
    seconds,
    share,
    whole,
)
from radhard.engines import ENGINES, Campaign, Engine, Serial, chosen
from radhard.engines.audit import audit_trials, compared, in_words
from radhard.engines.exceptions import in_words as in_words_of_crashes
from radhard.engines.excerpt import excerpt
from radhard.engines.golden_answers import golden_answers
from radhard.engines.recheck import OutsideStateError, demand_no_outside_state
from radhard.engines.unread import demand_read
from radhard.engines.workers import Processes, demand_possible, executed, one_thread
from radhard.errors import InputError
from radhard.forward import faultless, plain
from radhard.manifest import audit_is_due, difference, engines_of, environment, identity, recorded
from radhard.metrics import METRICS, Metric, Outcome, Panel
from radhard.metrics.base import kind_of
from radhard.module import usable_module
from radhard.progress import Progress
from radhard.remarks import remarks, usual_metrics
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.samplers.given import sampler_of
from radhard.space import Fault, FaultSpace, Numbers
from radhard.store import Store
from radhard.store import repair as repair_file
from radhard.targets import Forward
from radhard.workload import Workload, device_of

__all__ = ["faultless", "run"]

_COMMIT_SECONDS = 0.5

_MOST_TRIALS = 100_000_000
"""Trials in a run: with more, the list of those that are still to be executed fills the memory."""


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
    audit: float = 0.0025,
    repair: bool = False,
) -> Results:
    """Run a fault-injection campaign: every trial of the sampler, judged by the metrics.

    Components may be given as text, as on the command line.

    Args:
        model: any network; it is put in evaluation mode meanwhile and comes back bit for bit.
        data: inputs with labels, as `Data`, a pair, a torch ``Dataset`` or ``DataLoader``.
        space: which faults there are.
        sampler: which of them are tried; a list of faults or their numbers is `Given`.
        metrics: by default `Outcome`, and `Accuracy` where there are labels that suit it.
        seed: of all chance; trial i depends on the seed and i only.
        store: the run file. One that holds part of the same run is continued. Its checksums are
            verified first: damage is named, never continued or read.
        engine: how trials are executed; ``"auto"`` takes the one that the run file was begun with,
            or the fastest that suits (the notes of the results say why).
        call: for models that do not return one tensor: ``(model, batch) -> (samples, ...)``.
        batch: samples a forward pass.
        progress: show a progress bar; by default where there is a terminal.
        deterministic: refuse a model whose fault-free passes differ.
        names: more entries for the manifest, such as where model and data came from.
        workers: processes that execute trials, each with one thread. The figures are the same for
            any number (if torch computes with one thread where there is one process).
        worker_timeout: seconds without a result after which a worker is replaced and its trials
            run once more; by default 100 times the longest wait so far, and at least 5 minutes.
        audit: share of the trials (at least 20 trials) of a faster engine that `Serial` repeats at
            the end; how often they differ is in the notes. 0: none.
        repair: where the run file is damaged, keep the trials that can be trusted and run the
            others again; the damaged file is kept beside it.

    Raises:
        InputError: the input cannot be used; the message says what to do. The run file stays as
            it was.
        KeyboardInterrupt: all finished trials are in the run file; the same call continues.
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
    processes = Processes(workers, seconds(worker_timeout, "worker_timeout"))
    demand_path(store, "store")
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
    space.demand_samples(len(workload.data))
    repeated = audit_trials(len(trials), audit, seed)
    # Where a trial concerns one sample, that sample passes alone, whatever samples were before it:
    # batches of another size may round differently, and a masked fault must leave the output as it
    # was to the last bit.
    together = workload.batch
    workload = replace(workload, batch=1 if single else together, independent=single)
    with workload.open() as was_training, one_thread(workers > 1):
        # Where only the answers count, a few samples alone do.
        answers = all(site.samples is not None for site in space.sites) and all(
            metric.by_answer for metric in metrics or [Outcome()]
        )
        golden = (
            golden_answers(workload, together, kind=kind_of(metrics or ()))
            if single and answers
            else workload.golden
        )
        said: list[str] = []
        if metrics is None:
            metrics, said = usual_metrics(golden, workload.data.labels)
        panel = Panel(metrics, golden, workload.data.labels, alone=single)
        panel.demand_scores()
        campaign = Campaign(workload, space, trials, panel)
        demand_possible(campaign, workers)
        demand_no_outside_state(campaign)
        campaign.notes.extend(demand_read(campaign))
        identified = identity(campaign, sampler, seed)
        repaired = repair_file(store) if repair and store is not None else ""
        with Store(store, write=True) as file:
            if file.empty:
                engine, notes = _engine(engine, campaign, deterministic)
                notes += [*said, *remarks(campaign)]
                if was_training:
                    notes.append("The model was in training mode; it ran in evaluation mode.")
                if not deterministic:
                    notes.append("Fault-free passes were allowed to differ.")
                more = {
                    "notes": notes,
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
            else:
                found = file.manifest()
                if found.get("refused"):
                    raise InputError(f"{str(store)!r}: {found['refused']}")
                expected = golden if deterministic else None
                if differing := difference(found, identified, expected):
                    raise InputError(
                        f"{str(store)!r} holds another run: {differing}; choose another file, or "
                        "repeat what the file says (radhard run --from)"
                    )
                campaign.audits.update(recorded(found, "inferred"))
                campaign.crashes.update(recorded(found, "crashes"))
            if repaired:
                _note(file, [repaired])
            done = file.done()
            if todo := campaign.left(done):
                engine = _same_engine(engine, file)
                with Progress(len(trials), len(done), panel.main, shown=progress) as bar:
                    _execute(campaign, engine, todo, processes, file, bar)
                engine.conclude(campaign)
                campaign.notes.extend(in_words_of_crashes(campaign.crashes))
                _note(file, campaign.notes)
            if repeated.size and audit_is_due(file.manifest()):
                _audit(campaign, repeated, processes, file, progress)
            return Results.stored(file, foreign=True)


def _engine(
    engine: Engine | str, campaign: Campaign, deterministic: bool
) -> tuple[Engine, list[str]]:
    """The engine of a new run, ready, and what is to say about it."""
    if engine == "auto":
        choice = chosen(campaign, deterministic=deterministic)
        return choice.engine, [str(choice)]
    assert isinstance(engine, Engine)
    engine.ready(campaign)
    return engine, []


def _same_engine(engine: Engine | str, file: Store) -> Engine:
    """The engine to go on with: that of the file, unless another one is asked for by name."""
    manifest = file.manifest()
    said = str(manifest.get("engine"))
    if engine == "auto":
        try:
            return ENGINES.parse(said, foreign=False)
        except InputError:
            raise InputError(
                f"the run was begun with engine {said!r}; name it to continue, or another one"
            ) from None
    assert isinstance(engine, Engine)
    engines = engines_of(manifest)
    if repr(engine) not in engines:
        # Written before its first trial is.
        file.note("continued", [*engines[1:], repr(engine)])
        _note(file, [f"Begun with {said}, continued with {engine!r}."])
    return engine


def _execute(
    campaign: Campaign,
    engine: Engine,
    todo: Collection[int],
    processes: Processes,
    file: Store,
    bar: Progress,
) -> None:
    last, noted = time.monotonic(), 0

    def note() -> None:
        nonlocal noted
        if len(campaign.audits) + len(campaign.crashes) > noted:
            file.note("inferred", campaign.audits)
            file.note("crashes", campaign.crashes)
            noted = len(campaign.audits) + len(campaign.crashes)

    # Closed whatever happens, so that no worker is left.
    with closing(executed(campaign, engine, todo, processes)) as parts:
        try:
            for numbers, figures in parts:
                file.add(campaign.rows(numbers, figures))
                note()  # at once with the trials that it is about
                bar.advance(figures)
                if time.monotonic() - last > _COMMIT_SECONDS:
                    file.commit()
                    last = time.monotonic()
        except OutsideStateError as error:
            file.note("refused", str(error))
            raise
        finally:
            note()
            file.commit()


def _audit(
    campaign: Campaign, trials: Numbers, processes: Processes, file: Store, progress: bool | None
) -> None:
    """Have the reference repeat some trials, and note what it says."""
    reference = np.full((len(trials), len(campaign.panel.columns)), np.nan)
    with (
        Progress(len(trials), 0, None, shown=progress, label="audit") as bar,
        closing(executed(campaign, Serial(), trials.tolist(), processes)) as parts,
    ):
        for numbers, figures in parts:
            reference[np.searchsorted(trials, numbers)] = figures
            bar.advance(figures)
    columns = list(campaign.panel.columns)
    found = file.frame().set_index("trial").loc[trials, columns].to_numpy(dtype=np.float64)
    audit = compared(columns, campaign.panel.ranges, found, reference, len(campaign.trials))
    _note(file, [in_words(audit)])
    file.note("audit", audit)


def _note(file: Store, notes: Sequence[str]) -> None:
    said = file.manifest().get("notes", [])
    if fresh := [note for note in notes if note not in said]:
        file.note("notes", [*said, *fresh])
