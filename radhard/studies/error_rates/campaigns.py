"""How are protected networks evaluated under faults at bit error rates?"""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from torch import nn

from radhard.cost import overhead
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Format, stored_as
from radhard.hardenings import load, parts, save
from radhard.hardenings.hardened_files import is_hardened
from radhard.hardenings.recipe import read_recipe
from radhard.manifest import fingerprint
from radhard.metrics import Accuracy
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.error_rates.error_rate_design import ErrorRateDesign, Variant
from radhard.studies.error_rates.error_rate_findings import (
    ErrorRateCampaign,
    ErrorRateFindings,
    MeasuredVariant,
)
from radhard.studies.network_campaign import BATCH, network_campaign, place_in_store
from radhard.studies.networks import Network
from radhard.studies.study import Plan
from radhard.targets import Biases, Buffers, Target, Weights
from radhard.targets.stored import Stored

__all__ = ["everything_stored", "measure_variants"]


def measure_variants(
    study: str, design: ErrorRateDesign, network: Network, plan: Plan
) -> ErrorRateFindings:
    """Every variant on one network: hardened, run at every rate, its cost counted.

    Args:
        study: name of the study, for the folder in the store.
        design: the variants and rates.
        network: the network, which stays as it is.
        plan: how much is tried.

    Raises:
        InputError: the store holds another study, or a variant cannot be made of this network.
    """
    work = _Work(study, design, network, plan)
    images = network.images if plan.images is None else plan.images
    data = network.test.first(min(images, len(network.test)))
    base = stored_as(network.model, design.format)
    scores = None
    if design.scores is not None:
        plan.report(f"{network.name}: scores by {design.scores!r}")
        ranked = network.train.first(min(design.scored, len(network.train)))
        scores = design.scores(base, ranked, batch=BATCH, seed=plan.seed)
    space = everything_stored(base, design.format)
    measured: dict[str, MeasuredVariant] = {}
    for variant in design.variants:
        plan.report(f"{network.name}: {variant.name}")
        model = work.hardened(variant, base, scores)
        own_space = space if model is base else everything_stored(model, design.format)
        common = work.campaign(variant, "common", model, data, space)
        measured[variant.name] = MeasuredVariant(
            variant.text(brief=network.brief),
            correct_answers(model, network.test),
            float(correct_answers(model, data).mean()),
            overhead(model, base, data, format=design.format, batch=BATCH, timed=plan.timed),
            tuple(_numbers(part) for _, part in parts(model)),
            common,
            # The unprotected network stores nothing of its own: both campaigns are one.
            common if model is base else work.campaign(variant, "own", model, data, own_space),
        )
    return ErrorRateFindings(network.name, len(data), measured)


def everything_stored(model: nn.Module, format: Format) -> FaultSpace:
    """Single bit flips in every number that a model stores: weights, biases, norms, thresholds.

    >>> from radhard.formats import Float32
    >>> len(everything_stored(nn.Linear(3, 2), Float32()))
    256
    """
    kinds: tuple[Stored, ...] = (Weights("*"), Biases("*"), Buffers("*"))
    targets: list[Target] = [
        kind
        for kind in kinds
        if any(t.is_floating_point() and t.numel() for _, t in kind.candidates(model))
    ]
    return FaultSpace.of(model, targets, BitFlip(), format)


@final
@dataclass(frozen=True)
class _Work:
    """The measurement of one network in a study."""

    study: str
    design: ErrorRateDesign
    network: Network
    plan: Plan

    def hardened(self, variant: Variant, base: nn.Module, scores: Scores | None) -> nn.Module:
        """The model of a variant, stored in the study's format; from the store where it is."""
        network, plan = self.network, self.plan
        hardening = variant.made(brief=network.brief)
        if hardening is None:
            return base
        facts: dict[str, Any] = {
            "study": self.study,
            "hardening": variant.text(brief=network.brief),
            "seed": plan.seed,
            "base": fingerprint(base),
            "data": network.train.fingerprint(),
        }
        # A hardening may train or search for minutes; one that was made with the same settings is
        # loaded.
        folder = place_in_store(self.study, network, plan, variant.name)
        if folder is not None and is_hardened(folder):
            _check_same_settings(folder, facts)
            # A copy, as what is loaded is put into the model.
            return load(folder, model=copy.deepcopy(base))
        made = hardening(
            base, network.train, scores, batch=BATCH, seed=plan.seed, progress=plan.progress
        )
        made = stored_as(made, self.design.format).eval()
        if folder is not None:
            save(made, folder, base=network.name, facts=facts)
        return made

    def campaign(
        self, variant: Variant, faults: str, model: nn.Module, data: Data, space: FaultSpace
    ) -> ErrorRateCampaign:
        """A campaign at all error rates, continued where the store holds part of it."""
        runs = self.design.runs if self.plan.runs is None else self.plan.runs
        results = network_campaign(
            self.study,
            self.network,
            self.plan,
            variant.name,
            model,
            data,
            space,
            ErrorRate(self.design.rates, trials=runs),
            Accuracy(),
            suffix=f"-{faults}",
        )
        return _by_rate(self.design.rates, results, runs)


def _check_same_settings(folder: Path, facts: dict[str, Any]) -> None:
    recorded = read_recipe(folder).facts
    if other := [key for key, value in facts.items() if recorded.get(key) != value]:
        raise InputError(
            f"{str(folder)!r} contains a model that was made with other settings: "
            f"{', '.join(other)} differs; choose another --store"
        )


def _by_rate(rates: tuple[float, ...], results: Results, runs: int) -> ErrorRateCampaign:
    """The trials of a campaign, split by error rate."""
    accuracy = results.values("accuracy").reshape(len(rates), runs)
    flips = results.to_frame()["faults"].to_numpy(np.float64).reshape(len(rates), runs)
    return ErrorRateCampaign(
        len(results.space),
        dict(zip(rates, flips.mean(axis=1).tolist(), strict=True)),
        dict(zip(rates, accuracy, strict=True)),
    )


def _numbers(part: nn.Module) -> int:
    return sum(t.numel() for t in (*part.parameters(), *part.buffers()) if t.is_floating_point())
