"""How does an estimator find the rates of an exhausted network?"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from radhard.caps import CapTable
from radhard.errors import InputError
from radhard.samplers import SAMPLERS, Guided, Sampler, StageDraw, StagedSampler, Uniform
from radhard.samplers.score_classes import ScoreClasses
from radhard.stats import sample_size
from radhard.studies.exhausted.exhausted_table import ExhaustedTable
from radhard.studies.exhausted.ground_truth_design import MarginQuestion
from radhard.studies.exhausted.simulation import SimulatedCampaign, Simulation
from radhard.studies.exhausted.textbook import iterative_campaign, normal_estimates

__all__ = ["ITERATIVE", "SCORES", "UNIFORM", "Estimator", "estimator"]

ITERATIVE = "iterative"
"""The name of the estimator that has no sampler."""

UNIFORM = "Uniform"
"""The name of `Uniform` with the published number of trials."""

SCORES = "scores.json"
"""The name of the file of scores in the text of `Guided`."""


@final
@dataclass(frozen=True)
class Estimator:
    """What is estimated in a campaign with a seed, by each kind of interval."""

    text: str
    campaign: Callable[[int], Mapping[str, SimulatedCampaign]]
    """Given a seed, the same trials with the estimates of each interval, by its name."""


def estimator(
    text: str,
    question: MarginQuestion,
    table: ExhaustedTable,
    caps: Mapping[str, CapTable],
    scores: Path,
) -> Estimator:
    """An estimator for a question, on a table.

    Args:
        text: `ITERATIVE`, `UNIFORM`, or a sampler as text.
        question: the margin.
        table: the faults with their harm.
        caps: by their text, those that a sampler may name.
        scores: the file of scores.

    Raises:
        InputError: the estimator does not apply to the table.
    """
    if text == ITERATIVE:
        return _iterative(_named(text, question), question, table)
    sampler = _uniform(table, question) if text == UNIFORM else SAMPLERS.parse(text)
    if not isinstance(sampler, StagedSampler):
        return _drawn(repr(sampler) if text == UNIFORM else text, sampler, question, table)
    own = None if sampler.caps is None else caps.get(repr(sampler.caps))
    if sampler.caps is not None and own is None:
        raise InputError(f"{sampler.caps!r} does not apply")
    classes = ScoreClasses(str(scores), table.space) if isinstance(sampler, Guided) else None
    staged = Simulation(table.model, table.space, table.harm, own, classes)
    division = sampler.divide(table.space, staged.census)

    def stages(seed: int) -> Mapping[str, SimulatedCampaign]:
        assert isinstance(sampler, StagedSampler)
        # Caps hold for changed predictions only, which is what the table counts.
        capped = None if own is None else "critical"
        return {"radhard's": staged.run(sampler, StageDraw(division, seed, capped))}

    return Estimator(text, stages)


def _iterative(text: str, question: MarginQuestion, table: ExhaustedTable) -> Estimator:
    """Trials in rounds, until the normal interval has the margin."""
    simulation = Simulation(table.model, table.space, table.harm)

    def iterate(seed: int) -> Mapping[str, SimulatedCampaign]:
        found = iterative_campaign(
            simulation, question.margin, question.confidence, question.by, seed
        )
        return {"normal": found}

    return Estimator(text, iterate)


def _drawn(
    text: str, sampler: Sampler, question: MarginQuestion, table: ExhaustedTable
) -> Estimator:
    """Trials drawn at once, with the normal interval and that of this library."""
    simulation = Simulation(table.model, table.space, table.harm)
    sampler = sampler.informed(table.model, table.space)

    def draw(seed: int) -> Mapping[str, SimulatedCampaign]:
        found = simulation.drawn(sampler, seed, question.by, question.confidence)
        values = simulation.harm[found.trials.at(np.arange(len(found.trials)))]
        normal = normal_estimates(
            table.space, found.trials, values, question.by, question.confidence
        )
        return {"normal": SimulatedCampaign(found.trials, normal), "radhard's": found}

    return Estimator(text, draw)


def _uniform(table: ExhaustedTable, question: MarginQuestion) -> Uniform:
    """As many trials as are published for a margin and a rate of 50 %."""
    faults = len(table.space)
    return Uniform(
        min(faults, math.ceil(sample_size(faults, question.margin, question.confidence)))
    )


def _named(text: str, question: MarginQuestion) -> str:
    by = "" if question.by is None else f", by {question.by}"
    return f"{text} sampling, to within {question.margin:g}{by}"
