"""How is one way to protect a network measured?"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from torch import nn

from radhard.campaign import run
from radhard.cost import overhead
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Format, stored_as
from radhard.hardenings import load, parts, save
from radhard.hardenings.recipe import read_recipe
from radhard.hardenings.saved import is_hardened
from radhard.manifest import fingerprint
from radhard.metrics import Accuracy
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.studies.answers import right_answers
from radhard.studies.findings import Findings, Measured, Struck
from radhard.studies.networks import Network
from radhard.studies.study import Study, Variant
from radhard.targets import Biases, Buffers, Target, Weights
from radhard.targets.stored import Stored

__all__ = ["Plan", "everything_stored", "measured"]

_BATCH = 100


@final
@dataclass(frozen=True)
class Plan:
    """How much is tried, and where the runs are kept."""

    runs: int
    """Trials at each error rate."""
    images: int | None = None
    """Test images that a campaign looks at; by default as many as the network says."""
    seed: int = 0
    store: Path | None = None
    """Folder of run files and hardened models; a stopped study continues from there."""
    timed: bool = True
    workers: int = 1
    progress: bool | None = None
    tell: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        for name in ("runs", "workers") if self.images is None else ("runs", "workers", "images"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} is not allowed; at least 1")


def measured(study: Study, network: Network, plan: Plan) -> Findings:
    """Every variant of a study on one network: hardened, struck at every rate, counted.

    Raises:
        InputError: the store holds another study, or a variant cannot be made of this network.
    """
    images = network.images if plan.images is None else plan.images
    data = network.test.first(min(images, len(network.test)))
    base = stored_as(network.model, study.format)
    scores = None
    if study.scores is not None:
        plan.tell(f"{network.name}: scores by {study.scores!r}")
        ranked = network.train.first(min(study.scored, len(network.train)))
        scores = study.scores(base, ranked, batch=_BATCH, seed=plan.seed)
    space = everything_stored(base, study.format)
    found: dict[str, Measured] = {}
    for variant in study.variants:
        plan.tell(f"{network.name}: {variant.name}")
        model = _hardened(study, network, variant, base, scores, plan)
        own = space if model is base else everything_stored(model, study.format)
        common = _struck(study, network, variant, "common", model, data, space, plan)
        found[variant.name] = Measured(
            variant.text(brief=network.brief),
            right_answers(model, network.test),
            float(right_answers(model, data).mean()),
            overhead(model, base, data, format=study.format, batch=_BATCH, timed=plan.timed),
            tuple(_numbers(part) for _, part in parts(model)),
            common,
            common
            if model is base
            else _struck(study, network, variant, "own", model, data, own, plan),
        )
    return Findings(network.name, len(data), found)


def everything_stored(model: nn.Module, format: Format) -> FaultSpace:
    """Single bit flips in every number that a model stores: weights, biases, norms, thresholds.

    >>> from radhard.formats import Float32
    >>> len(everything_stored(nn.Linear(3, 2), Float32()))
    256
    """
    kinds: tuple[Stored, ...] = (Weights("*"), Biases("*"), Buffers("*"))
    held: list[Target] = [
        kind
        for kind in kinds
        if any(t.is_floating_point() and t.numel() for _, t in kind.candidates(model))
    ]
    return FaultSpace.of(model, held, BitFlip(), format)


def _hardened(
    study: Study,
    network: Network,
    variant: Variant,
    base: nn.Module,
    scores: Scores | None,
    plan: Plan,
) -> nn.Module:
    """The model of a variant, stored in the study's format; taken from the store where it is."""
    hardening = variant.made(brief=network.brief)
    if hardening is None:
        return base
    facts: dict[str, Any] = {
        "study": study.name,
        "hardening": variant.text(brief=network.brief),
        "seed": plan.seed,
        "base": fingerprint(base),
        "data": network.train.fingerprint(),
    }
    folder = _place(study, network, variant, plan)
    if folder is not None and is_hardened(folder):
        _demand_same(folder, facts)
        return load(folder, model=copy.deepcopy(base))
    made = hardening(
        base, network.train, scores, batch=_BATCH, seed=plan.seed, progress=plan.progress
    )
    made = stored_as(made, study.format).eval()
    if folder is not None:
        save(made, folder, base=network.name, facts=facts)
    return made


def _demand_same(folder: Path, facts: dict[str, Any]) -> None:
    found = read_recipe(folder).facts
    if other := [key for key, value in facts.items() if found.get(key) != value]:
        raise InputError(
            f"{str(folder)!r} holds a model made otherwise: {', '.join(other)} differs; "
            "choose another --store"
        )


def _place(study: Study, network: Network, variant: Variant, plan: Plan) -> Path | None:
    if plan.store is None:
        return None
    name = "".join(c if c.isalnum() else "-" for c in variant.name.lower())
    return plan.store / study.name / network.name / name


def _struck(
    study: Study,
    network: Network,
    variant: Variant,
    faults: str,
    model: nn.Module,
    data: Data,
    space: FaultSpace,
    plan: Plan,
) -> Struck:
    """A campaign at all error rates, continued where the store holds part of it."""
    place = _place(study, network, variant, plan)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place = place.with_name(f"{place.name}-{faults}.db")
    results = run(
        model,
        data,
        space,
        ErrorRate(study.rates, trials=plan.runs),
        metrics=[Accuracy()],
        seed=plan.seed,
        store=place,
        batch=_BATCH,
        progress=plan.progress,
        names={"model": f"{network.name}, {variant.name}", "data": network.test.name},
        workers=plan.workers,
    )
    return _by_rate(study, results, plan.runs)


def _by_rate(study: Study, results: Results, runs: int) -> Struck:
    """The trials come rate after rate, so many at each."""
    accuracy = results.values("accuracy").reshape(len(study.rates), runs)
    flips = results.to_frame()["faults"].to_numpy(np.float64).reshape(len(study.rates), runs)
    return Struck(
        len(results.space),
        dict(zip(study.rates, flips.mean(axis=1).tolist(), strict=True)),
        dict(zip(study.rates, accuracy, strict=True)),
    )


def _numbers(part: nn.Module) -> int:
    return sum(t.numel() for t in (*part.parameters(), *part.buffers()) if t.is_floating_point())
