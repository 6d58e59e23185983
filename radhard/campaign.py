"""How often does a fault change what a model says?"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.engines import Campaign, Engine, chosen
from radhard.engines.base import Figures
from radhard.engines.golden import golden_outputs
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.forward import plain
from radhard.manifest import difference, environment, identity
from radhard.metrics import Accuracy, Metric, Outcome, Panel
from radhard.progress import Progress
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import FaultSpace
from radhard.store import Store
from radhard.targets import Forward

__all__ = ["faultless", "run"]

_COMMIT_SECONDS = 0.5


def run(
    model: nn.Module,
    data: Any,
    space: FaultSpace,
    sampler: Sampler,
    *,
    metrics: Sequence[Metric] | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    engine: Engine | Literal["auto"] = "auto",
    call: Forward = plain,
    batch: int = 100,
    progress: bool | None = None,
    deterministic: bool = True,
    names: dict[str, Any] | None = None,
) -> Results:
    """Run a fault-injection campaign: every trial of the sampler, judged by the metrics.

    Args:
        model: any network; it is put in evaluation mode meanwhile and comes back bit for bit.
        data: inputs with labels, as `Data`, a pair, a torch ``Dataset`` or ``DataLoader``.
        space: which faults there are.
        sampler: which of them are tried.
        metrics: by default `Outcome`, and `Accuracy` where there are labels.
        seed: of all chance; trial i depends on the seed and i only.
        store: the run file. One that holds part of the same run is continued.
        engine: how trials are executed.
        call: for models that do not return one tensor: ``(model, batch) -> (samples, ...)``.
        batch: samples a forward pass.
        progress: show a progress bar; by default where there is a terminal.
        deterministic: refuse a model whose fault-free passes differ.
        names: more entries for the manifest, such as where model and data came from.

    Raises:
        InputError: the input cannot be used; the message says what to do. The run file stays as
            it was.
        KeyboardInterrupt: all finished trials are in the run file; the same call continues.
    """
    data = Data.of(data)
    device = next((t.device for t in (*model.parameters(), *model.buffers())), None)
    data = data if device is None else data.to(device)
    trials = sampler.draw(space, seed)
    single = trials.single and any(site.samples is not None for site in space.sites)
    _demand_samples(space, data)
    with evaluating(model) as was_training:
        # Where a trial concerns one sample, that sample passes alone: batches of another size may
        # round differently, and a masked fault must leave the output as it was to the last bit.
        batch = 1 if single else min(batch, len(data))
        golden = golden_outputs(model, data, faultless(call), batch, deterministic=deterministic)
        if metrics is None:
            metrics = [Outcome()] if data.labels is None else [Outcome(), Accuracy()]
        panel = Panel(metrics, golden, data.labels)
        campaign = Campaign(model, data, space, trials, panel, call, batch)
        engine = chosen(campaign) if engine == "auto" else engine
        asked = identity(campaign, sampler, seed)
        with Store(store, write=True) as file:
            if file.empty:
                notes = []
                if was_training:
                    notes.append("The model was in training mode; it ran in evaluation mode.")
                if not deterministic:
                    notes.append("Fault-free passes were allowed to differ.")
                more = {
                    "notes": notes,
                    "environment": environment(device),
                    "engine": repr(engine),
                    "deterministic": deterministic,
                }
                file.begin({**(names or {}), **asked, **more}, panel.columns)
            else:
                found = file.manifest()
                if differing := difference(found, asked):
                    raise InputError(
                        f"{str(store)!r} holds another run: {differing}; choose another file, or "
                        "repeat what the file says (--from)"
                    )
            _execute(campaign, engine, file, progress)
            said = file.manifest().get("notes", [])
            if more_notes := [note for note in campaign.notes if note not in said]:
                file.note("notes", [*said, *more_notes])
            return Results(file.manifest(), file.frame(), foreign=True)


def faultless(call: Forward) -> Forward:
    """The same question, asked of a model without faults: if that fails, the input is at fault."""

    def asked(model: nn.Module, batch: Any) -> Tensor:
        try:
            return call(model, batch)
        except (InputError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            raise InputError(
                f"the fault-free forward pass fails: {type(error).__name__}: {lines[0]}; "
                "do model and data suit each other?"
            ) from error

    return asked


def _demand_samples(space: FaultSpace, data: Data) -> None:
    for site in space.sites:
        if site.samples is not None and site.samples != len(data):
            raise InputError(
                f"the fault space was made for {site.samples} samples, the data has {len(data)}; "
                "make the space with the same data"
            )


def _execute(campaign: Campaign, engine: Engine, file: Store, progress: bool | None) -> None:
    done = set(file.done().tolist())
    todo = [trial for trial in range(len(campaign.trials)) if trial not in done]
    panel = campaign.panel
    with Progress(len(campaign.trials), len(done), panel.columns, shown=progress) as bar:
        last = time.monotonic()
        try:
            for numbers, figures in engine.run(campaign, todo):
                file.add(_rows(campaign, numbers, figures))
                bar.advance(figures)
                if time.monotonic() - last > _COMMIT_SECONDS:
                    file.commit()
                    last = time.monotonic()
        finally:
            file.commit()


def _rows(campaign: Campaign, numbers: Sequence[int], figures: Figures) -> list[tuple[Any, ...]]:
    """Trial, its fault (None where it has many), how many, and its figures."""
    values = figures.tolist()
    if campaign.trials.single:
        faults = campaign.trials.at(np.asarray(numbers, dtype=np.int64)).tolist()
        return [(n, f, 1, *v) for n, f, v in zip(numbers, faults, values, strict=True)]
    counts = [len(campaign.trials[trial]) for trial in numbers]
    return [(n, None, c, *v) for n, c, v in zip(numbers, counts, values, strict=True)]
