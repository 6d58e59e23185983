"""How are networks trained with faults in one site, at several error rates?"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from radhard.comparison import ErrorCurve
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.space import FaultSpace
from radhard.studies.instances.instance_training import fresh_weights
from radhard.studies.network_campaign import place_in_store
from radhard.studies.networks import Network
from radhard.studies.sites.site_design import SiteFault, TrainingDesign, sites_of
from radhard.studies.sites.site_findings import MeasuredSite
from radhard.studies.study import Plan
from radhard.training import StepRate, TrainingResults, TrialFaults
from radhard.training import run as run_trainings

__all__ = ["measure_trainings"]


def measure_trainings(
    study: str, design: TrainingDesign, fault: SiteFault, network: Network, plan: Plan, test: Data
) -> list[MeasuredSite]:
    """Trainings with one kind of fault in each site of a network, beside fault-free ones.

    Raises:
        InputError: the network cannot be trained anew, or the store contains another study.
    """
    if not fault.training_rates:
        return []
    found = []
    train = _Train(network, design, test)
    batch = network.train.first(min(design.batch, len(network.train)))
    # Every rate is a set of trainings, each of which takes as long as training the network.
    rates = fault.training_rates[::3] if plan.quick else fault.training_rates
    for site, target in sites_of(network.model, fault, training=True).items():
        space = FaultSpace.of(network.model, target, fault.fault, fault.format, data=batch)
        results = []
        for rate in rates:
            plan.report(f"{network.name}: trainings, {fault.name} in {site} at {rate:g}")
            place = place_in_store(study, network, plan, f"training {fault.name} {site} {rate:g}")
            if place is not None:
                place.parent.mkdir(parents=True, exist_ok=True)
            results.append(
                run_trainings(
                    train,
                    space,
                    StepRate(rate, per=fault.design.per),
                    n=design.runs if plan.runs is None else plan.runs,
                    seed=plan.seed,
                    seeds=design.seeds,
                    store=None if place is None else place.with_name(f"{place.name}.db"),
                    progress=plan.progress,
                )
            )
        starts = space.starts if fault.design.per == "bit" else space.word_starts
        curve = training_curve(rates, results, fault)
        ends = np.concatenate([_ends(each) for each in results])
        found.append(MeasuredSite(site, fault.name, "training", int(starts[-1]), curve, ends))
    return found


def training_curve(
    rates: Sequence[float], results: Sequence[TrainingResults], fault: SiteFault
) -> ErrorCurve:
    """Errors of the trained networks by rate; each twin's own error is replaced by the mean one.

    A training that ended early, by a fault, has an error of 1.
    """
    errors, sizes = [], []
    free = float(np.mean([1 - results[0].twin("accuracy", s)[-1] for s in results[0].seeds]))
    for each in results:
        twins = 1 - each.golden("accuracy")[:, -1]
        # A twin with the same seed has the same luck of its initial weights, which cancels in the
        # difference.
        errors.append(1 - _ends(each) - twins + free)
        sizes.append(len(twins))
    of_rate = np.repeat(np.arange(len(rates)), sizes)
    # Trainings at other rates say nothing of a rate: how many faults there are in how many steps
    # decides, and in which of them.
    weights = np.eye(len(rates))[of_rate] / np.array(sizes)
    per = fault.design.per
    return ErrorCurve(list(rates), np.concatenate(errors), sizes, weights, per, free)


def _ends(results: TrainingResults) -> NDArray[np.float64]:
    """Accuracy of each trained network; 0 of a training that ended early."""
    ends: NDArray[np.float64] = np.nan_to_num(results.curves("accuracy")[:, -1], nan=0.0)
    return ends


class _Train:
    """A training of the network from random weights: from a seed to the accuracy at its end."""

    def __init__(self, network: Network, design: TrainingDesign, test: Data) -> None:
        self._network, self._design, self._test = network, design, test

    def __call__(self, seed: int, faults: TrialFaults) -> dict[str, list[float]]:
        data, design = self._network.train, self._design
        inputs, labels = _tensors(data)
        model = fresh_weights(self._network.model, seed=seed)
        rng = torch.Generator().manual_seed(seed)
        optimizer = torch.optim.Adam(model.parameters(), lr=design.learning_rate)
        model.train()
        with faults(model, optimizer):
            for _ in range(design.steps):
                rows = torch.randperm(len(data), generator=rng)[: design.batch]
                loss = functional.cross_entropy(model(inputs[rows]), labels[rows])
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        return {"accuracy": [_accuracy(model.eval(), self._test)]}


def _tensors(data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    if not isinstance(data.inputs, torch.Tensor) or not isinstance(data.labels, torch.Tensor):
        raise InputError(f"{data.name}: training requires one tensor of inputs, with labels")
    return data.inputs, data.labels


def _accuracy(model: nn.Module, data: Data) -> float:
    """Share of correct predictions; an output with NaN is a wrong one."""
    inputs, labels = _tensors(data)
    with torch.inference_mode():
        logits = torch.cat([model(part) for part in torch.split(inputs, 500)])
    right = (logits.argmax(1) == labels) & ~logits.isnan().any(1)
    return float(right.double().mean())
