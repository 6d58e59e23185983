"""How does a test get a campaign, and all that an engine reports of its trials?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from radhard.datasets.data import Data
from radhard.engines import Campaign, Engine
from radhard.engines.base import Figures, Session
from radhard.faults import BitFlip, FaultModel
from radhard.formats import BFloat16, Float16, Float32, Float64, Format
from radhard.forward import Forward
from radhard.metrics import Distance, Metric, Outcome, Panel
from radhard.notes import Note
from radhard.samplers import Sampler, Uniform
from radhard.space import FaultSpace
from radhard.targets import Target
from radhard.workload import Workload
from tests.zoo import Network

__all__ = ["Execution", "campaign", "campaign_of", "execute_all", "execute_session", "format_of"]


def format_of(model: nn.Module) -> Format:
    """The format whose words the parameters of a model are."""
    names: dict[str, Format] = {
        "torch.float16": Float16(),
        "torch.bfloat16": BFloat16(),
        "torch.float64": Float64(),
    }
    return names.get(str(next(model.parameters()).dtype), Float32())


def campaign(
    network: Network,
    target: Target | Sequence[Target],
    sampler: Sampler | None = None,
    *,
    fault: FaultModel | None = None,
    seed: int = 0,
    batch: int = 2,
) -> Campaign:
    """A campaign on a network of the zoo, which is put in evaluation mode for good."""
    model = network.build().eval()
    return campaign_of(
        model,
        network.inputs(),
        target,
        sampler or Uniform(6),
        fault=fault or BitFlip(),
        call=network.call,
        seed=seed,
        batch=batch,
    )


def campaign_of(
    model: nn.Module,
    inputs: Any,
    target: Target | Sequence[Target],
    sampler: Sampler,
    *,
    fault: FaultModel,
    call: Forward,
    seed: int = 0,
    batch: int = 2,
    metrics: Sequence[Metric] = (Outcome(), Distance()),
    format: Format | None = None,
) -> Campaign:
    """A campaign on a model in evaluation mode, with the golden outputs that suit it."""
    data = Data(inputs)
    format = format_of(model) if format is None else format
    space = FaultSpace.of(model, target, fault, format, data=data, call=call)
    trials = sampler.draw(space, seed)
    # One sample at a time where a trial concerns one, as that is how it will pass.
    single = trials.single and any(site.samples is not None for site in space.sites)
    batch = 1 if single else batch
    workload = Workload(model, data, call, batch, independent=single)
    return Campaign(workload, space, trials, Panel(metrics, workload.golden))


@dataclass(frozen=True)
class Execution:
    """All that an engine reported of some trials of a campaign."""

    session: Session
    figures: Figures
    """In the order in which the trials were asked for, ``(trials, columns)``."""
    notes: tuple[Note, ...]
    """Of the session, of its parts, and its conclusions."""
    inferences: dict[str, dict[str, Any]]
    crashes: dict[str, str]


def execute_all(
    engine: Engine,
    campaign: Campaign,
    trials: Sequence[int] | None = None,
    *,
    crashing: bool = False,
) -> Execution:
    """Open the engine and execute all trials, chunk by chunk; or only some, in one go."""
    return execute_session(engine.open(campaign), trials, crashing=crashing)


def execute_session(
    session: Session, trials: Sequence[int] | None = None, *, crashing: bool = False
) -> Execution:
    """Execute all trials of a session, chunk by chunk; or only some, in one go.

    Every trial that is asked for is reported exactly once, and no other is. No shared pass crashes
    unless the network is ``crashing`` under some faults: the reference would take over, and an
    engine that always crashes would pass every comparison with it.
    """
    figures = dict[int, np.ndarray]()
    notes, inferences, crashes = list(session.notes), dict[str, dict[str, Any]](), {}
    for chunk in session.chunks() if trials is None else [trials]:
        for part in session.run(chunk):
            assert len(part.numbers) == len(part.figures)
            assert not figures.keys() & set(part.numbers), "a trial comes twice"
            figures.update(zip(part.numbers, part.figures, strict=True))
            assert not inferences.keys() & part.inferences.keys(), "two records have one name"
            inferences.update(part.inferences)
            crashes.update(part.crashes)
            notes.extend(part.notes)
    crashed = [note for note in notes if note.kind == "shared crash"]
    assert crashing or not crashed, crashed
    asked = range(len(session.campaign.trials)) if trials is None else trials
    assert sorted(figures) == sorted(asked)
    notes.extend(session.conclusions(inferences))
    return Execution(
        session,
        np.stack([figures[trial] for trial in asked]),
        tuple({str(note): note for note in notes}.values()),
        inferences,
        crashes,
    )
