"""What are the figures of trials, if most verdicts follow from the output of the faulty layer?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Figures
from radhard.engines.bracket.checking import RecordedTrials
from radhard.engines.bracket.lines import Flags
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.bracket.verdict_audit import VerdictAudit
from radhard.engines.hybrid.layer_deviations import of_activations, of_registers
from radhard.engines.hybrid.range_lookup import RangeLookup
from radhard.engines.inference import Inference
from radhard.engines.replay.plan import ReplayPlan
from radhard.space import Numbers
from radhard.vulnerability_ranges import Vulnerability

__all__ = ["run_trials"]


@dataclass(frozen=True)
class _LayerVerdicts:
    """What follows for trials from the output of the faulty layer."""

    values: SampleFigures
    figures: Figures
    """Those of the fault-free network, and of another class where the prediction changes."""
    masked: Flags
    """The fault changes no neuron."""
    inferred: Flags
    """By the ranges of neurons, right in nearly all cases: subject to the audit."""
    harmful: Flags


def run_trials(
    plan: ReplayPlan,
    lookup: RangeLookup,
    place: int,
    trials: Numbers,
    execute: Callable[[Numbers], Figures],
    draw: Draw,
    threshold: float,
) -> tuple[Figures, Inference]:
    """The figures of trials in one tensor, each of one sample, and a record of the audit.

    ``execute`` returns the figures of the trials that are executed to the end.
    """
    faults = plan.campaign.trials.at(trials)
    layer = _layer_verdicts(plan, lookup, place, faults)
    found, audit = layer.figures, VerdictAudit.of(draw, faults, layer.inferred)
    figures = found.copy()
    once = ~(layer.inferred | layer.masked) | audit.executed
    if once.any():
        figures[once] = execute(trials[once])
    failed = audit.fails(_errors(figures, found), threshold)
    left = layer.inferred & ~audit.executed
    if failed and left.any():
        figures[left] = execute(trials[left])
    # A fault that changes no neuron is harmless too, and there is nothing to check.
    sides = (layer.inferred & ~layer.harmful) | layer.masked, layer.inferred & layer.harmful
    part = RecordedTrials.of_region(plan.campaign.space, place, faults)
    errors = _errors(figures, found)
    record = audit.record(part, draw, found, errors, layer.values, sides, failed=failed)
    return figures, record


def _layer_verdicts(
    plan: ReplayPlan, lookup: RangeLookup, place: int, faults: Numbers
) -> _LayerVerdicts:
    space, replayer = plan.campaign.space, plan.replayer
    site = space.sites[place]
    _, words, variants = space.locate(faults)
    samples, inner = np.divmod(words, math.prod(site.shape))
    measure = of_registers if replayer.has_registers(place) else of_activations
    there = measure(plan, place, inner, variants, samples)
    verdicts = lookup.verdicts(site.layer, there, samples)
    values = SampleFigures(plan.panel)
    rows = torch.from_numpy(samples)
    figures = plan.panel.score_samples(replayer.golden_outputs[rows], rows).copy()
    harmful = verdicts == Vulnerability.VULNERABLE
    if harmful.any():
        golden = plan.campaign.workload.predictions.cpu().numpy()[samples[harmful]]
        # Any other class will do: the metrics look only at whether it changed.
        figures[harmful] = values.of(
            (golden + 1) % lookup.ranges[site.layer].classes, samples[harmful]
        )
    masked = there.counts == 0
    inferred = (verdicts != Vulnerability.SEMI_VULNERABLE) & ~masked
    return _LayerVerdicts(values, figures, masked, inferred, harmful)


def _errors(true: Figures, found: Figures) -> Figures:
    """True minus found; NaN equals NaN."""
    same = (true == found) | (np.isnan(true) & np.isnan(found))
    errors: Figures = np.where(same, 0.0, true - found)
    return errors
