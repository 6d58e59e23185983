"""How is selective protection measured on one network, format by format?"""

import copy
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, final

import torch
from torch import nn

from radhard.analyses.criticality import Measurements, measurements
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import CheckWord, Format, Hamming, SecDed
from radhard.hardenings import SelectiveEcc
from radhard.metrics import Accuracy
from radhard.results import Results
from radhard.samplers import Exhaustive, Given, Sampler, Uniform
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.studies.correct_answers import correct_answers
from radhard.studies.encodings import stored_weights
from radhard.studies.guided.bit_predictions import predictions_of, word_choices
from radhard.studies.guided.guided_ecc_design import GuidedEccDesign
from radhard.studies.guided.guided_ecc_findings import (
    GuidedEccFindings,
    Left,
    MeasuredFormat,
    WordChoice,
)
from radhard.studies.guided.straight_through import trained_in_format
from radhard.studies.network_campaign import network_campaign, place_in_store
from radhard.studies.networks import Network
from radhard.studies.study import Plan
from radhard.targets import Weights
from radhard.verification import verify

__all__ = ["measure_guided_ecc"]

_SIGNATURE = SecDed(CheckWord(8), block=8)
"""Corrects one wrong bit in eight words of the signature."""


def measure_guided_ecc(
    study: str, design: GuidedEccDesign, network: Network, plan: Plan
) -> GuidedEccFindings:
    """Find and protect the critical words of a network in every format, and verify that.

    Raises:
        InputError: weights that a format cannot represent, or a store that contains another study.
    """
    if plan.store is None:
        # The forests learn from run files, so that there has to be a store.
        with tempfile.TemporaryDirectory() as folder:
            stored = replace(plan, store=Path(folder))
            return measure_guided_ecc(study, design, network, stored)
    data = network.test.first(design.images_of(network, plan))
    measured = {}
    for name, format in design.formats.items():
        plan.report(f"{network.name}: {name}")
        measured[name] = _Work(study, design, network, plan, name, format, data).measured()
    return GuidedEccFindings(
        network.name, len(data), len(network.test), design.tolerance, design.loosest, measured
    )


@final
class _Work:
    """The measurement of one network in one format."""

    def __init__(
        self,
        study: str,
        design: GuidedEccDesign,
        network: Network,
        plan: Plan,
        name: str,
        format: Format,
        data: Data,
    ) -> None:
        self.study, self.design, self.network, self.plan = study, design, network, plan
        self.name, self.format, self.data = name, format, data
        self.model = self._model()

    def measured(self) -> MeasuredFormat:
        """Everything that the page reports."""
        design, plan, test = self.design, self.plan, self.network.test
        space = FaultSpace.of(self.model, Weights("*"), BitFlip(), self.format)
        n = design.flips_of(self.network, plan)
        sampler = Uniform(n) if n < len(space) else Exhaustive()
        of_flips = self._campaign(plan, "flips", space, sampler, engine="FirstOrder()")
        # Other flips than those from which is learned, or nothing would be verified.
        other = replace(plan, seed=plan.seed + 1)
        of_fresh = self._campaign(other, "fresh", space, sampler, engine="FirstOrder()")
        flips, fresh = measurements(of_flips), measurements(of_fresh)
        run = self._place("flips")
        choices = word_choices(design, self.model, self.data, flips, run, fresh, plan.seed)
        # Beside the tuned model: how much of the accuracy the format costs, and how much tuning
        # gives back.
        rounded = stored_weights(self.network.model, self.format)
        return MeasuredFormat(
            repr(self.format),
            self.format.bits,
            float(correct_answers(rounded, test).mean()),
            float(correct_answers(self.model, test).mean()),
            flips,
            fresh.share(design.tolerance),
            tuple(predictions_of(design, self.model, flips, plan.seed)),
            choices,
            self._left(choices[-1], fresh) if choices else None,
            {"flips": _facts(of_flips), "fresh": _facts(of_fresh)},
        )

    def _model(self) -> nn.Module:
        """The network with its weights in the format, fine-tuned unless it was trained in it."""
        design, network, plan = self.design, self.network, self.plan
        # The first format is the one in which the network was trained: there is nothing to tune.
        if self.name == next(iter(design.formats)):
            return stored_weights(network.model, self.format)
        cache = self._place("weights").with_suffix(".safetensors")
        return trained_in_format(
            network.model, self.format, network.train, design.tuning, seed=plan.seed, cache=cache
        )

    def _left(self, choice: WordChoice, fresh: Measurements) -> Left | None:
        """Critical faults, and others in what is added, on the protected memory."""
        design, plan = self.design, self.plan
        rows = fresh.critical(design.tolerance)
        most = design.repeated_of(self.network)
        numbers = fresh.results.trials.at(fresh.results.numbers)[rows][:most]
        if not len(numbers):
            return None
        given = Given(tuple(numbers.tolist()))
        model, data, part = self._holding()
        space = FaultSpace.of(model, Weights("*"), BitFlip(), self.format)
        before = self._campaign(plan, f"critical{part}", space, given, model=model, data=data)
        values = {name: mask.astype(float) for name, mask in choice.masks.items()}
        words = Scores(f"{self.study}, words to protect", "element", values)
        hardening = SelectiveEcc(Hamming(self.format), None, "|".join(values), _SIGNATURE)
        hard = hardening(model, data, words, seed=plan.seed, progress=False)
        found = verify(
            before,
            hard,
            data,
            store=self._place(f"protected{part}"),
            added=most,
            timed=False,
            progress=plan.progress,
        )
        # The verdicts of flips may be inferred; those of the repeated faults are executed.
        one, two = (measurements(r).critical(design.tolerance) for r in (found.before, found.after))
        if not one.any():
            return None
        assert found.own is not None
        own = measurements(found.own)
        return Left(
            repeated=int(one.sum()),
            critical=int((one & two).sum()),
            added=len(own),
            critical_added=int(own.critical(design.tolerance).sum()),
            added_bits=len(own.space),
        )

    def _holding(self) -> tuple[nn.Module, Data, str]:
        """The model and the data in a dtype that holds every word, faulty ones too; its name.

        The words of the weights of 32 bits in fixed point fit into float32, but not those after a
        flip: rounded, they would differ from the code word in more than one bit.
        """
        wide = self.format.decode(torch.zeros(1, dtype=torch.int64)).dtype
        if wide != torch.float64 or not isinstance(self.data.inputs, torch.Tensor):
            return self.model, self.data, ""
        data = replace(self.data, inputs=self.data.inputs.double())
        return copy.deepcopy(self.model).double(), data, "-float64"

    def _campaign(
        self,
        plan: Plan,
        part: str,
        space: FaultSpace,
        sampler: Sampler,
        *,
        engine: str = "auto",
        model: nn.Module | None = None,
        data: Data | None = None,
    ) -> Results:
        return network_campaign(
            self.study,
            self.network,
            plan,
            self.name,
            self.model if model is None else model,
            self.data if data is None else data,
            space,
            sampler,
            Accuracy(),
            suffix=f"-{part}",
            engine=engine,
        )

    def _place(self, part: str) -> Path:
        """The run file of a part of the measurement."""
        place = place_in_store(self.study, self.network, self.plan, self.name)
        assert place is not None
        return place.with_name(f"{place.name}-{part}.db")


def _facts(results: Results) -> dict[str, Any]:
    manifest = results.manifest
    fingerprints = {key: manifest[key] for key in manifest if "fingerprint" in key}
    notes = [str(note) for note in results.notes]
    return {**fingerprints, "engine": manifest.get("engine"), "notes": notes}
