"""How are the outcomes of faults in sets of weights measured?"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radhard.analyses import BitWise
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.forward import plain
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.space import FaultSpace
from radhard.studies.network_campaign import BATCH, network_campaign
from radhard.studies.networks import Network
from radhard.studies.outcomes.outcome_design import OutcomeDesign, Reading, Scenario
from radhard.studies.outcomes.outcome_findings import Arm, OutcomeFindings, Point
from radhard.studies.study import Plan
from radhard.targets import Weights
from radhard.workload import fault_free_outputs

__all__ = ["measure_outcomes"]

_APART = 2**32
"""Between the seeds of the campaigns of an arm, whose trials are evaluated together."""


def measure_outcomes(
    study: str, design: OutcomeDesign, network: Network, plan: Plan
) -> OutcomeFindings:
    """The outcomes of faults at all rates, in every set of weights and with every protection.

    Raises:
        InputError: a network without these sets of weights, or a store with another study.
    """
    n = network.images if plan.images is None else plan.images
    data = network.test.first(min(n, len(network.test)))
    models, left_out = _hardened(design, network, plan)
    spaces = {each.name: _space(network.model, each) for each in design.scenarios}
    arms: dict[Point, Arm] = {}
    prints: dict[str, str] = {}
    free: dict[str, float] = {}
    for scenario, variant, reading in design.arms:
        if variant.name not in models:
            continue
        plan.report(f"{network.name}: {scenario.name}, {variant.name}, per {reading}")
        space, at = spaces[scenario.name], (scenario.name, variant.name, reading)
        # More trials at the last rate are a campaign of their own: the first one keeps its numbers
        # of trials, and its file.
        for suffix, seed, rates, runs in _parts(design, plan, reading):
            results = network_campaign(
                study,
                network,
                replace(plan, seed=seed),
                variant.name,
                models[variant.name],
                data,
                space,
                _sampler(reading, rates, runs, space),
                design.metrics,
                suffix=f"-{scenario.name.lower().replace(' ', '-')}-{reading}{suffix}",
            )
            for rate, arm in _by_rate(design, results, rates, runs).items():
                point = Point(*at, rate)
                arms[point] = arms[point].joined(arm) if point in arms else arm
        if not free:
            free, prints = _fault_free(design, results), _fingerprints(results)
    return OutcomeFindings(
        network.name,
        len(data),
        free,
        {name: int(space.words.sum()) for name, space in spaces.items()},
        _largest_weight(network.model),
        {name: _changed(network.model, model, data) for name, model in models.items()},
        arms,
        prints,
        _bits(design, network, data, plan) if design.bit_wise else None,
        left_out,
        design.chance,
    )


def _parts(
    design: OutcomeDesign, plan: Plan, reading: Reading
) -> list[tuple[str, int, tuple[float, ...], int]]:
    """The campaigns of an arm: suffix, seed, rates, and trials at each."""
    runs = design.runs if plan.runs is None else plan.runs
    rates = design.rates_of(reading, quick=plan.quick)
    parts = [("", plan.seed, rates, runs)]
    if design.further and reading == "word" and not plan.quick:
        parts.append(("-further", plan.seed + _APART, rates[-1:], runs * design.further))
    return parts


def _space(model: nn.Module, scenario: Scenario) -> FaultSpace:
    return FaultSpace.of(model, list(scenario.targets), BitFlip(), Float32())


def _sampler(reading: Reading, rates: tuple[float, ...], runs: int, space: FaultSpace) -> ErrorRate:
    if reading == "faults":
        # As many faulty weights on average, whatever the size of the set.
        words = int(space.words.sum())
        if words < max(rates):
            raise InputError(
                f"a set of {words:,} weights cannot have {max(rates):g} faulty ones; choose a "
                "larger network, or a study with fewer faults"
            )
        return ErrorRate(tuple(count / words for count in rates), trials=runs, per="word")
    return ErrorRate(rates, trials=runs, per=reading)


def _hardened(
    design: OutcomeDesign, network: Network, plan: Plan
) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """The network with each protection, and those that it cannot have, with the reason."""
    models: dict[str, nn.Module] = {}
    left_out: dict[str, str] = {}
    for variant in design.variants:
        hardening = variant.made(brief=network.brief)
        if hardening is None:
            models[variant.name] = network.model
            continue
        try:
            models[variant.name] = hardening(
                network.model, network.train, batch=BATCH, seed=plan.seed, progress=plan.progress
            )
        # A protection that a network cannot have is a finding, not a failure of the study.
        except InputError as error:
            left_out[variant.name] = str(error)
    return models, left_out


def _by_rate(
    design: OutcomeDesign, results: Results, rates: tuple[float, ...], runs: int
) -> dict[float, Arm]:
    """The trials of a campaign, which are numbered rate by rate."""
    figures = {
        name: results.values(column).reshape(len(rates), runs)
        for name, column in design.columns.items()
    }
    figures["harmful"] = figures["critical"] + figures["due"]
    faults = results.to_frame()["faults"].to_numpy(np.float64).reshape(len(rates), runs)
    return {
        rate: Arm(float(faults[at].mean()), {name: rows[at] for name, rows in figures.items()})
        for at, rate in enumerate(rates)
    }


def _fault_free(design: OutcomeDesign, results: Results) -> dict[str, float]:
    """Without faults; a trial's figure and its drop add up to it."""
    first = {name: float(results.values(column)[0]) for name, column in design.columns.items()}
    return {of: first[of] + first[f"{of} drop"] for of in ("accuracy", "score")}


def _fingerprints(results: Results) -> dict[str, str]:
    return {key: str(value) for key, value in results.manifest.items() if "fingerprint" in key}


def _largest_weight(model: nn.Module) -> float:
    """The largest magnitude of any weight."""
    weights = (weight.detach() for _, weight in Weights("*").candidates(model))
    return max(float(weight.abs().max()) for weight in weights)


def _changed(model: nn.Module, hardened: nn.Module, data: Data) -> int:
    """The number of samples whose output differs without faults."""
    with torch.inference_mode():
        plain, protected = (fault_free_outputs(each, data) for each in (model, hardened))
    return int((plain != protected).flatten(1).any(dim=1).sum())


def _bits(design: OutcomeDesign, network: Network, data: Data, plan: Plan) -> dict[str, Any]:
    """What flips of one bit position in all weights do."""
    plan.report(f"{network.name}: each bit position in all weights")
    scores = BitWise()(
        network.model,
        data,
        call=plain if design.outcome.outputs is None else _two_logits,
        batch=BATCH,
        seed=plan.seed,
        progress=plan.progress,
    )
    return dict(scores.facts)


def _two_logits(model: nn.Module, *inputs: Any) -> Tensor:
    """One logit as those of two classes: an analysis of classes needs one for each."""
    logits = model(*inputs).reshape(len(inputs[0]), 1)
    return torch.cat((torch.zeros_like(logits), logits), dim=1)
