"""How often does a fault change the prediction of a model?"""

import json
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from radhard.arguments import (
    check_path,
    check_switch,
    component_of,
    components_of,
    named_options,
    seconds,
    share,
    whole,
)
from radhard.campaign_notes import campaign_notes, usual_metrics
from radhard.datasets import listed as listed_data
from radhard.engines import ENGINES, Campaign, Engine
from radhard.engines.close_outputs import close_outputs
from radhard.engines.golden_answers import golden_answers
from radhard.engines.recheck import check_no_outside_state
from radhard.engines.unread import check_read
from radhard.errors import InputError
from radhard.execution import ExecutionOptions, Stages, execute_campaign
from radhard.executors import EXECUTORS, Executor, Forked, Local
from radhard.forward import Forward, faultless, plain
from radhard.manifest import identity
from radhard.metrics import METRICS, Metric, Outcome, Panel
from radhard.metrics.base import kind_of
from radhard.metrics.run_columns import RunColumns
from radhard.models import listed as listed_models
from radhard.models import load
from radhard.module import check_order, usable_module
from radhard.notes import Note
from radhard.progress import Shown
from radhard.results import Results
from radhard.samplers import Sampler, StagedSampler, Trials
from radhard.samplers.given import sampler_of
from radhard.samplers.stage_draw import MOST_TRIALS
from radhard.space import Fault, FaultSpace, check_space
from radhard.workload import Workload

__all__ = ["faultless", "run"]

_OF_SPACE = "it belongs to the fault space: space=rh.FaultSpace.of(model, target, fault, format)"

_OF_MARGIN = (
    "rh.plan(model, data, margin='0.5%').run() chooses a sampler for a margin; or give one, "
    "sampler='Adaptive(0.005)'"
)

_ELSEWHERE = {
    **dict.fromkeys(("target", "fault", "format", "planes", "exposure"), _OF_SPACE),
    **dict.fromkeys(("margin", "confidence"), _OF_MARGIN),
    "by": "results are split afterwards: results.rate(by='layer')",
    "max_rate": "results.checks(max_rate='1%'), or radhard.testing.assert_resilient in a test",
    "n": "the number of trials is that of the sampler, sampler='Uniform(1000)'; the number of "
    "samples that of the data, 'mnist(n=100)'",
    "report": "rh.report.write(results, 'runs/base.html')",
}
"""Options of the command line, or words of the field, that are given elsewhere in Python."""


@named_options(_ELSEWHERE)
def run(
    model: nn.Module | str,
    data: Any,
    space: FaultSpace | None = None,
    sampler: Sampler | str | Sequence[int | Fault] = "PerTensor(n=400)",
    *,
    metrics: Metric | str | Sequence[Metric | str] | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    engine: Engine | str = "auto",
    exact: bool = False,
    call: Forward = plain,
    batch: int = 100,
    progress: Shown = None,
    deterministic: bool = True,
    names: dict[str, Any] | None = None,
    workers: int = 1,
    worker_timeout: float | None = None,
    executor: Executor | str | None = None,
    audit: float = 0.0025,
    repair: bool = False,
    weights: str | Path | None = None,
) -> Results:
    """Run a fault-injection campaign: all trials of the sampler, evaluated by the metrics.

    Model, data and components may be given as text, as on the command line:
    ``run("lenet5", "mnist(n=100)")``.

    Args:
        model: any network; it is in evaluation mode during the run and restored bit for bit.
        data: inputs with labels, as `Data`, a pair, a torch ``Dataset`` or ``DataLoader``.
        space: the possible faults; by default ``FaultSpace.of(model)``, a flipped bit in a weight.
        sampler: determines which of them are tried; a list of faults or their numbers is `Given`.
        metrics: by default `Outcome`, and `Accuracy` if there are suitable labels.
        seed: the seed of all random draws; trial i depends on the seed and i only (of `Adaptive`
            and `Until` also on the results of earlier stages).
        store: the run file. If it contains part of the same run, the run is continued. Its
            checksums are verified first; a damaged file is reported and not used.
        engine: determines how trials are executed; ``"auto"`` chooses the engine with which the run
            file was begun, or the fastest suitable one (the notes of the results give the reason).
            In a large campaign this is `FirstOrder`, which infers most verdicts and audits a share
            of them; rates are corrected, and intervals allow for what the audit leaves open.
        exact: execute every trial with all its samples, and infer no verdict.
        call: for models that do not return one tensor: ``(model, batch) -> (samples, ...)``.
        batch: number of samples per forward pass.
        progress: whether to show a progress bar; by default if there is a terminal. A function is
            called with the `ProgressState` instead, a few times a second and at the end; an
            exception that it raises ends the run as Ctrl-C does.
        deterministic: reject a model whose fault-free passes differ.
        names: additional entries of the manifest, such as the origin of model and data.
        workers: number of processes that execute trials, each with one thread. The figures do not
            depend on it (if torch uses one thread in the case of a single process).
        worker_timeout: seconds without a result after which a worker is replaced and its trials
            are repeated; by default 100 times the longest wait so far, and at least 5 minutes.
        executor: where trials are executed, instead of ``workers`` and ``worker_timeout``:
            `Local`, `Forked` or `Ray` (a cluster). The figures do not depend on it.
        audit: share of the trials of a faster engine (at least 20 trials) that `Serial` repeats at
            the end; the notes report how often they differ. 0: none. Where verdicts are inferred
            and some figures measured on single samples, twice as many trials are repeated, those
            without a changed prediction on four samples each, drawn at random.
        repair: if the run file is damaged, keep the intact trials and repeat the others; the
            damaged file is kept beside it.
        weights: of a model that is given as text, the file with its weights, as for
            `radhard.models.load`.

    Raises:
        InputError: the input cannot be used; the message suggests what to do. The run file is
            unchanged.
        KeyboardInterrupt: all finished trials are in the run file; the same call continues the run.
    """
    names = {**_texts(model, data, weights), **_checked(names or {})}
    model = _module(model, data, weights)
    space = FaultSpace.of(model) if space is None else space
    _check_usable(space)
    sampler = sampler_of(sampler)
    if metrics is not None:
        metrics = components_of(metrics, METRICS, "metrics")
    engine = _engine(engine, exact)
    seed, audit = whole(seed, "seed", least=0), share(audit, "audit")
    executor = _executor(executor, workers, worker_timeout)
    check_path(store, "store")
    check_switch(repair, "repair")
    workload = Workload.of(
        model, data, call=call, batch=batch, seed=seed, deterministic=deterministic
    )
    sampler = sampler.informed(model, space)
    options = ExecutionOptions(executor, engine, store, repair, audit, progress, names, exact)
    return _executed(workload, space, sampler, metrics, seed, options)


def _executed(
    workload: Workload,
    space: FaultSpace,
    sampler: Sampler,
    metrics: Sequence[Metric] | None,
    seed: int,
    options: ExecutionOptions,
) -> Results:
    """The results of a campaign, whose arguments are checked."""
    trials = None if isinstance(sampler, StagedSampler) else _draw(sampler, space, seed)
    space.check_samples(len(workload.data))
    single = trials is None or trials.single
    together, workload = workload.batch, _by_sample(workload, space, single)
    with workload.open() as was_training, _one_thread(options.executor.one_thread):
        golden = _golden(workload, space, metrics, together)
        panel, notes = _panel(workload, space, golden, metrics)
        stages = None
        if isinstance(sampler, StagedSampler):
            figure = _figure(sampler, panel)
            draw = sampler.prepare(workload, space, seed, figure)
            stages = Stages(sampler, draw, figure)
            trials = draw.trials([sampler.first_stage(draw)])
        assert trials is not None
        campaign = Campaign(workload, space, trials, panel)
        options.executor.check_possible(campaign)
        check_no_outside_state(campaign)
        notes = [*check_read(campaign), *notes, *campaign_notes(campaign)]
        notes += close_outputs(campaign)
        if was_training:
            notes.append(Note("training mode"))
        identified = identity(campaign, sampler, seed)
        return execute_campaign(campaign, identified, golden, notes, options, stages)


def _module(model: Any, data: Any, weights: str | Path | None) -> nn.Module:
    """The network, loaded if it is given as text."""
    check_order(model, data)
    if isinstance(model, str):
        exchanged = isinstance(data, str) and _is_in(data, dict(listed_models()))
        if exchanged and _is_in(model, dict(listed_data())):
            raise InputError(
                f"the model comes first, then the data, and {model!r} are data: exchange them"
            )
        return usable_module(load(model, weights=weights))
    if weights is not None:
        raise InputError(
            "weights= belongs to a model that is given as text; load them into this one first: "
            f"rh.models.load_weights(model, {str(weights)!r})"
        )
    return usable_module(model)


def _is_in(text: str, known: Collection[str]) -> bool:
    """Whether a text names one of these, with arguments or without."""
    return text.partition("(")[0].strip() in known


def _texts(model: object, data: object, weights: str | Path | None) -> dict[str, str]:
    """Model and data as they are named in the run file, from which they can then be loaded."""
    given = {"model": model, "data": data, "weights": weights and str(weights)}
    return {name: text for name, text in given.items() if isinstance(text, str)}


def _checked(names: Any) -> dict[str, Any]:
    """Additional entries of the manifest, which is JSON."""
    if isinstance(names, dict) and all(isinstance(key, str) for key in names):
        # ValueError: NaN, or a dictionary that holds itself.
        with suppress(TypeError, ValueError):
            json.dumps(names, allow_nan=False)
            return names
    raise InputError(
        "names= is no dictionary of text, numbers and lists of them, by name; give such as "
        "{'model': 'net.py:build'}"
    )


def _check_usable(space: FaultSpace) -> None:
    check_space(space)
    if unreachable := [site.name for site in space.sites if site.in_training]:
        raise InputError(
            f"{unreachable[0]!r} exists only while a model is trained; inject faults into it with "
            "radhard.training.run"
        )


def _draw(sampler: Sampler, space: FaultSpace, seed: int) -> Trials:
    trials = sampler.draw(space, seed)
    if len(trials) > MOST_TRIALS:
        raise InputError(
            f"{sampler!r} draws {len(trials):,} trials, but a run has at most {MOST_TRIALS:,}; "
            "choose fewer trials, or split them into several runs with different seeds"
        )
    return trials


def _figure(sampler: StagedSampler, panel: Panel) -> str:
    """The full name of the figure that a sampler needs.

    Raises:
        InputError: there is no such figure, it has no bounds, or the sampler's caps do not hold for
            it.
    """
    ranges = dict(zip(panel.columns, panel.ranges, strict=True))
    columns = RunColumns(ranges, foreign=True)
    figure = columns.full_name(sampler.figure)
    if sampler.caps is not None and not columns[figure].within_changes:
        raise InputError(
            f"{sampler.caps!r} bounds the share of changed predictions, and {figure} is more than "
            "that; name another figure (figure='critical'), or leave out caps="
        )
    low, high = ranges[figure]
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            f"{sampler!r} needs a figure with bounds, and {figure} has none; name another one as "
            "figure="
        )
    return figure


def _by_sample(workload: Workload, space: FaultSpace, single: bool) -> Workload:
    """The workload, with one sample per pass if each trial affects one sample only."""
    alone = single and any(site.samples is not None for site in space.sites)
    # If a trial affects one sample, that sample is passed alone and independently of the samples
    # before it: batches of another size may round differently, and the output with a masked fault
    # must be bitwise equal to the golden output.
    return replace(workload, batch=1 if alone else workload.batch, independent=alone)


def _golden(
    workload: Workload, space: FaultSpace, metrics: Sequence[Metric] | None, together: int
) -> Tensor:
    """The golden outputs of an open workload, ``(samples, ...)``."""
    # If only predictions matter, most golden outputs may come from batches of ``together`` samples;
    # only samples with nearly equal logits have to be passed alone.
    by_prediction = all(site.samples is not None for site in space.sites) and all(
        metric.by_answer for metric in metrics or [Outcome()]
    )
    if workload.independent and by_prediction:
        return golden_answers(workload, together, kind=kind_of(metrics or ()))
    return workload.golden


def _panel(
    workload: Workload, space: FaultSpace, golden: Tensor, metrics: Sequence[Metric] | None
) -> tuple[Panel, list[Note]]:
    """The metrics with the golden outputs, and notes on the default metrics."""
    notes: list[Note] = []
    if metrics is None:
        metrics, notes = usual_metrics(golden, workload.data.labels, space)
    panel = Panel(metrics, golden, workload.data.labels, alone=workload.independent)
    panel.check_scores()
    return panel, notes


def _engine(engine: Engine | str, exact: bool) -> Engine | str:
    """The engine, or "auto"."""
    if engine == "auto":
        return engine
    engine = component_of(engine, ENGINES, "engine")
    if exact and engine.infers:
        raise InputError(
            f"exact=True executes every trial, and {engine!r} infers verdicts; leave out one of "
            "them, or take engine='Replay()'"
        )
    return engine


def _executor(executor: Executor | str | None, workers: int, timeout: float | None) -> Executor:
    workers, timeout = whole(workers, "workers", least=1), seconds(timeout, "worker_timeout")
    if executor is not None:
        if workers != 1 or timeout is not None:
            raise InputError(
                "workers and worker_timeout cannot be combined with executor; give the number of "
                "workers to the executor: executor='Forked(4)' or 'Ray(workers=4)'"
            )
        return component_of(executor, EXECUTORS, "executor")
    return Local() if workers == 1 else Forked(workers, timeout)


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
