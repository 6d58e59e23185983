"""How often do the campaigns of an estimator find the true rate?"""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from radhard.campaign import run
from radhard.engines import Replay
from radhard.metrics import Critical
from radhard.samplers import Given
from radhard.stats import mean_share
from radhard.studies.exhausted.estimators import Estimator
from radhard.studies.exhausted.exhausted_table import ExhaustedTable
from radhard.studies.exhausted.ground_truth_design import MarginQuestion
from radhard.studies.exhausted.ground_truth_findings import EstimatorScore
from radhard.studies.exhausted.simulation import SimulatedCampaign
from radhard.studies.network_campaign import BATCH

__all__ = ["campaign_seconds", "scores_of"]

_VERSION = 2
"""To be raised when samplers or intervals change; campaigns of earlier versions are not used."""

_LONG = 100_000
"""Trials of a campaign from which on fewer are simulated."""

_ROUNDING = 1e-12
"""Sums of the same values in another order differ in their last digits."""

Row = dict[str, dict[str, Any]]


def scores_of(
    estimator: Estimator,
    question: MarginQuestion,
    table: ExhaustedTable,
    truth: Mapping[str, float],
    folder: Path,
    seed: int,
    runs: int,
    long: int,
) -> list[EstimatorScore]:
    """Campaigns with ``runs`` seeds, and a score for each kind of interval.

    Campaigns that the folder has are not repeated, but for the first one: if it finds something
    else than before, estimators have changed, and all of them are.

    Args:
        estimator: which one.
        question: margin, confidence and groups.
        table: the faults with their harm.
        truth: the rate of every group.
        folder: where the campaigns are kept.
        seed: the first of the seeds.
        runs: number of campaigns.
        long: number of campaigns if they have more than 100,000 trials.
    """
    path = folder / f"{_key(estimator, question, table)}.jsonl"

    def campaign(number: int) -> Row:
        campaigns = estimator.campaign(number)
        return {name: _facts(one, question, truth) for name, one in campaigns.items()}

    rows = _kept(path)
    if rows:
        first = min(rows)
        # As JSON, since that is how it was kept.
        if json.loads(json.dumps(campaign(first))) != rows[first]:
            rows = {}
            path.unlink()
    found: list[Row] = []
    for number in range(seed, seed + runs):
        if len(found) >= long and max(one["trials"] for one in found[0].values()) > _LONG:
            break
        if number not in rows:
            rows[number] = campaign(number)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"seed": number, "found": rows[number]}) + "\n")
        found.append(rows[number])
    several = len(found[0]) > 1
    return [
        _score(
            [row[name] for row in found],
            question,
            f"{estimator.text}; {name} interval" if several else estimator.text,
        )
        for name in found[0]
    ]


def campaign_seconds(estimator: Estimator, table: ExhaustedTable, seed: int, timed: int) -> float:
    """The processor time of one campaign with `Replay`, from some of its trials.

    A fifth and all of ``timed`` trials, drawn at random from the campaign, are injected. What both
    runs have in common is the set-up; what the larger one takes longer is the time of its trials.
    """
    trials = next(iter(estimator.campaign(seed).values())).trials
    faults = np.unique(trials.at(np.arange(len(trials))))
    rng = np.random.default_rng(seed)
    drawn = rng.choice(faults, min(timed, len(faults)), replace=False)
    some, spent = [drawn[: max(1, len(drawn) // 5)], drawn], []
    for one in some:
        start = time.process_time()
        run(
            table.model,
            table.data,
            table.space,
            Given(tuple(np.sort(one).tolist())),
            metrics=[Critical()],
            engine=Replay(),
            seed=seed,
            batch=BATCH,
            audit=0.0,
            progress=False,
        )
        spent.append(time.process_time() - start)
    each = max(0.0, spent[1] - spent[0]) / max(1, len(some[1]) - len(some[0]))
    return spent[1] + each * (len(trials) - len(some[1]))


def _key(estimator: Estimator, question: MarginQuestion, table: ExhaustedTable) -> str:
    """The name of the campaigns, by all that decides what they find."""
    text = f"{_VERSION} {table.sha256} {question.margin} {question.confidence} {question.by}"
    return hashlib.sha256(f"{text} {estimator.text}".encode()).hexdigest()[:16]


def _kept(path: Path) -> dict[int, Row]:
    """The campaigns in a file, by seed; a line that was cut off is left out."""
    rows: dict[int, Row] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                one = json.loads(line)
            except json.JSONDecodeError:
                continue
            rows[int(one["seed"])] = one["found"]
    return rows


def _facts(
    campaign: SimulatedCampaign, question: MarginQuestion, truth: Mapping[str, float]
) -> dict[str, Any]:
    found = campaign.estimates
    # A group of which nothing was tried, and nothing is known, may have any rate.
    held = [
        key not in found or found[key].low - _ROUNDING <= true <= found[key].high + _ROUNDING
        for key, true in truth.items()
    ]
    near = [
        key in found and abs(found[key].value - true) <= question.margin + _ROUNDING
        for key, true in truth.items()
    ]
    half = campaign.half_width if all(key in found for key in truth) else 0.5
    return {
        "trials": len(campaign.trials),
        "held": [bool(one) for one in held],
        "near": [bool(one) for one in near],
        "half": half,
    }


def _score(rows: list[dict[str, Any]], question: MarginQuestion, text: str) -> EstimatorScore:
    held = np.array([row["held"] for row in rows], dtype=np.float64)
    near = np.array([row["near"] for row in rows], dtype=np.float64)
    trials = np.array([row["trials"] for row in rows])
    return EstimatorScore(
        question.name,
        text,
        held.shape[1],
        question.margin,
        question.confidence,
        float(trials.mean()),
        int(trials.max()),
        float(np.mean([row["half"] for row in rows])),
        # The sampling unit is the campaign: its groups have some trials in common.
        mean_share(held.mean(axis=1)),
        mean_share(held.min(axis=1)),
        mean_share(near.mean(axis=1)),
    )
