"""How are faults injected into each set of weights of a network, protected and not?"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Float32, Format, InPlaceHamming, stored_as
from radhard.metrics import Accuracy
from radhard.results import Results
from radhard.samplers import ErrorRate, FaultCount, Sampler
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.network_campaign import BATCH, network_campaign
from radhard.studies.networks import Network
from radhard.studies.study import Plan
from radhard.studies.weight_groups.scrubbing_times import ScrubbingTimes, scrubbing_times
from radhard.studies.weight_groups.weight_group import WeightGroup, weight_groups
from radhard.studies.weight_groups.weight_group_design import WeightGroupDesign
from radhard.studies.weight_groups.weight_group_findings import (
    Accuracies,
    WeightGroupFindings,
    selected_groups,
)
from radhard.targets import merge_biases

__all__ = ["inverted", "measure_weight_groups"]

_METRIC = Accuracy(outputs="logits")
_CODE = InPlaceHamming(Float32())


def measure_weight_groups(
    study: str, design: WeightGroupDesign, network: Network, plan: Plan
) -> WeightGroupFindings:
    """Flips in every set of weights of a network, then in those that are selected, protected.

    Raises:
        InputError: a network without LSTM layers, or a store that contains another study.
    """
    return _Work(study, design, network, plan).findings()


def inverted(model: nn.Module, groups: Sequence[WeightGroup]) -> nn.Module:
    """A copy with the sign bit of everything in the dense layers flipped."""
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for group in groups:
            if group.role in ("dense", "dense bias"):
                twin.get_parameter(group.tensor).neg_()
    return twin


@final
class _Work:
    """The measurement of one network."""

    def __init__(self, study: str, design: WeightGroupDesign, network: Network, plan: Plan) -> None:
        self.study, self.design, self.network, self.plan = study, design, network, plan
        self.model = merge_biases(network.model)
        self.data: Data = network.test.first(design.images_of(network, plan))
        self.groups = weight_groups(self.model)
        self.facts: dict[str, Any] = {}

    def findings(self) -> WeightGroupFindings:
        """Everything that the page reports."""
        design, plan, network = self.design, self.plan, self.network
        golden = float(correct_answers(self.model, self.data).mean())
        plain: dict[tuple[str, str, int], NDArray[np.float64]] = {}
        rates: dict[tuple[str, float], NDArray[np.float64]] = {}
        for group in self.groups:
            plan.report(f"{network.name}: {group.name}")
            for field in design.fields:
                plain |= self._counted(self.model, Float32(), group, field, "", plan)
            rates |= self._at_rates(group)
        selected = selected_groups(design, self.groups, golden, plain)
        # Embeddings are most of the weights; the code is put into all other sets, so that it is
        # also judged on those that are not selected.
        coded = [g for g in self.groups if g.role != "embedding" or g.name in selected]
        hard = stored_as(self.model, {**{g.tensor: _CODE for g in coded}, "*": Float32()})
        # Selection prefers sets whose trials happen to be harmful, so that the same trials would
        # make the gain too high: both sides of it have trials of their own.
        other = replace(plan, seed=plan.seed + 1)
        control: dict[tuple[str, str, int], NDArray[np.float64]] = {}
        protected: dict[tuple[str, str, int], NDArray[np.float64]] = {}
        precise: dict[str, NDArray[np.float64]] = {}
        for group in coded:
            plan.report(f"{network.name}: {group.name}, protected")
            if group.name in selected:
                for field in (design.whole, design.exposed):
                    control |= self._counted(self.model, Float32(), group, field, "-control", other)
                    protected |= self._counted(hard, _CODE, group, field, "-gain", other)
            found = self._precise(hard, group)
            if found is not None:
                precise[group.name] = found
        accuracies = Accuracies(golden, float(correct_answers(hard, self.data).mean()))
        return WeightGroupFindings(
            network.name,
            len(self.data),
            self.groups,
            design,
            accuracies,
            correct_answers(network.model, network.test),
            correct_answers(hard, network.test),
            correct_answers(inverted(network.model, self.groups), network.test),
            plain,
            rates,
            selected,
            control,
            protected,
            precise,
            self._times(coded),
            self.facts,
        )

    def _counted(
        self,
        model: nn.Module,
        format: Format,
        group: WeightGroup,
        field: str,
        suffix: str,
        plan: Plan,
    ) -> Mapping[tuple[str, str, int], NDArray[np.float64]]:
        """Accuracies at each number of flips in one field that the set has so many bits for."""
        space = self._space(model, format, group, field)
        counts = tuple(count for count in self.design.counts if count <= len(space))
        sampler = FaultCount(counts, trials=self.design.trials_of(plan))
        results = self._campaign(model, group, space, sampler, f"-{field}{suffix}", plan)
        found = _by_stratum(results)
        return {(group.name, field, count): each for count, each in zip(counts, found, strict=True)}

    def _at_rates(self, group: WeightGroup) -> Mapping[tuple[str, float], NDArray[np.float64]]:
        design = self.design
        space = self._space(self.model, Float32(), group, design.exposed)
        sampler = ErrorRate(design.rates, trials=design.trials_of(self.plan))
        found = _by_stratum(self._campaign(self.model, group, space, sampler, "-rates", self.plan))
        return {(group.name, rate): each for rate, each in zip(design.rates, found, strict=True)}

    def _precise(self, hard: nn.Module, group: WeightGroup) -> NDArray[np.float64] | None:
        """More trials of a protected set; None where it has fewer bits than flips."""
        design = self.design
        space = self._space(hard, _CODE, group, design.exposed)
        if len(space) < design.judged:
            return None
        sampler = FaultCount(design.judged, trials=design.precise_of(self.plan))
        results = self._campaign(hard, group, space, sampler, "-precise", self.plan)
        (found,) = _by_stratum(results)
        return found

    def _space(
        self, model: nn.Module, format: Format, group: WeightGroup, field: str
    ) -> FaultSpace:
        fault = BitFlip(field=self.design.fields[field])
        return FaultSpace.of(model, group.target, fault, format)

    def _campaign(
        self,
        model: nn.Module,
        group: WeightGroup,
        space: FaultSpace,
        sampler: Sampler,
        suffix: str,
        plan: Plan,
    ) -> Results:
        # Nearly all of a pass comes before the last layer, and `Folded` leaves it out; preparing
        # that does not pay off for few trials.
        last = group.role in ("dense", "dense bias") and not plan.quick
        results = network_campaign(
            self.study,
            self.network,
            plan,
            group.name,
            model,
            self.data,
            space,
            sampler,
            _METRIC,
            suffix=suffix,
            engine="Folded()" if last else "auto",
        )
        manifest = results.manifest
        self.facts[f"{group.name}{suffix}"] = {
            "sampler": repr(sampler),
            "seed": plan.seed,
            "faults": len(space),
            "engine": manifest.get("engine"),
            **{key: manifest[key] for key in manifest if "fingerprint" in key},
        }
        return results

    def _times(self, coded: Sequence[WeightGroup]) -> tuple[ScrubbingTimes, ...]:
        inputs = self.network.test.inputs
        if not self.plan.timed or not isinstance(inputs, Tensor):
            return ()
        self.plan.report(f"{self.network.name}: times")
        tensors = tuple(group.tensor for group in coded)
        turns = {"turns": 3} if self.plan.quick else {}
        return tuple(
            scrubbing_times(self.model, inputs[:samples], tensors, **turns)
            for samples in (BATCH, len(inputs))
        )


def _by_stratum(results: Results) -> list[NDArray[np.float64]]:
    """The accuracy of each trial, as a share of the samples, stratum by stratum."""
    accuracy = results.values(results.column(f"{_METRIC!r}.accuracy"))
    trials = results.trials
    strata = np.array([trials.stratum(int(number)) for number in results.numbers])
    return [accuracy[strata == at] for at in range(len(trials.strata))]
