"""How are critical neurons of a network found, protected, and tried under faults?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.analyses import QDeepVigor, nvf_table
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Int
from radhard.hardenings import Hardening, NeuronSplitting, Triplication, records
from radhard.metrics import Accuracy, Critical
from radhard.quantization import quantized
from radhard.results import Results
from radhard.samplers import Given
from radhard.scores import Scores
from radhard.space import FaultSpace
from radhard.studies.network_campaign import network_campaign, place_in_store
from radhard.studies.networks import Network
from radhard.studies.neuron_copies.neuron_copies_findings import (
    Method,
    NeuronCopiesFindings,
    Protected,
)
from radhard.studies.neuron_copies.neuron_copies_section import neuron_copies_section
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.targets import Activations

__all__ = ["NeuronCopiesDesign", "NeuronCopiesStudy"]

Integers = npt.NDArray[np.int64]

_WORD = Int(8)


@final
@dataclass(frozen=True)
class NeuronCopiesDesign:
    """From which neuron vulnerability factors on neurons are critical, and how much is tried."""

    counted: tuple[float, ...]
    """Thresholds at which critical neurons are counted; ascending from 0."""
    protected: tuple[float, ...]
    """Those from which on neurons are protected, and trials are run."""
    quick: tuple[float, ...]
    calibration: int = 200
    """Training samples from which the scales of activations follow."""
    analyzed: int = 20
    """Training samples on which the vulnerability of neurons is computed."""
    runs: int = 3000
    """Trials in the neurons from each threshold to the next, by default, and in the others."""


@final
@dataclass(frozen=True, kw_only=True)
class NeuronCopiesStudy(Study[NeuronCopiesFindings]):
    """Splitting of critical neurons, against three copies of the same ones and no protection."""

    design: NeuronCopiesDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> NeuronCopiesFindings:
        design, train, test = self.design, network.train, network.test
        model = quantized(network.model, _first(train, design.calibration), _WORD, inputs=True)
        scores = self._scores(network, plan, model)
        data = _first(test, network.images if plan.images is None else plan.images)
        total = sum(values.size for values in scores.values.values())
        before = self._trials(network, plan, "unprotected", model, model, scores, data)
        table = nvf_table(scores, design.counted)
        counts = dict(zip(design.counted, map(int, table["neurons"]), strict=True))
        after: dict[tuple[float, Method], Protected] = {}
        for threshold in design.quick if plan.quick else design.protected:
            critical = sum(int((v >= threshold).sum()) for v in scores.values.values())
            if not critical:
                continue
            ways: dict[Method, Hardening] = {
                "split": NeuronSplitting(threshold),
                "triplicated": Triplication(threshold=threshold),
            }
            for method, hardening in ways.items():
                plan.report(f"{network.name}: {hardening!r}")
                hard = hardening(model, _first(train, design.analyzed), scores, progress=False)
                after[threshold, method] = self._protected(
                    self._trials(network, plan, repr(hardening), hard, model, scores, data),
                    total + (1 if method == "split" else 2) * critical,
                    _changed(model, hard, test),
                    _left_out(hard),
                )
        _, strata, populations = self._drawn(scores, len(data), plan)
        since = (*self._edges(), 0.0)
        largest = max(float(values.max()) for values in scores.values.values())
        return NeuronCopiesFindings(
            network.name,
            len(data),
            min(design.analyzed, len(train)),
            (_accuracy(network.model, test), _accuracy(model, test)),
            strata,
            since,
            populations,
            counts,
            largest,
            self._protected(before, total, 0.0, ""),
            after,
            tuple(dict.fromkeys(threshold for threshold, _ in after)),
        )

    def section(self, network: Network, findings: NeuronCopiesFindings) -> NetworkSection:
        return neuron_copies_section(network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the faults, of which a trial has one in one inference. "
            "Neurons from each threshold to the next are a stratum, and all others; differences "
            "are those of pairs of the same fault. They hold for these test images and networks."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design = self.design
        return {
            "runs": self._runs(plan),
            "analyzed": design.analyzed,
            "calibration": design.calibration,
            "thresholds": list(design.quick if plan.quick else design.protected),
            "format": repr(_WORD),
        }

    def amount(self, plan: Plan) -> str:
        edges = ", ".join(f"{edge:.0%}" for edge in reversed(self._edges()))
        return f"{self._runs(plan):,} trials in the neurons from each NVF of 0 %, {edges} on"

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs

    def _edges(self) -> list[float]:
        """The thresholds from which on neurons are protected, descending."""
        return sorted(self.design.protected, reverse=True)

    def _scores(self, network: Network, plan: Plan, model: nn.Module) -> Scores:
        place = place_in_store(self.name, network, plan, "scores")
        path = None if place is None else place.with_suffix(".json")
        if path is not None and path.is_file():
            scores = Scores.load(path)
            scores.check_model(model)
            return scores
        plan.report(f"{network.name}: vulnerability of neurons")
        analysis = QDeepVigor(_neurons(model), None)
        scores = analysis(
            model, _first(network.train, self.design.analyzed), progress=plan.progress
        )
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            scores.save(path)
        return scores

    def _trials(
        self,
        network: Network,
        plan: Plan,
        variant: str,
        model: nn.Module,
        original: nn.Module,
        scores: Scores,
        data: Data,
    ) -> Results:
        target = Activations("|".join(scores.values))
        space = FaultSpace.of(original, target, BitFlip(), _WORD, data=data)
        faults, _, _ = self._drawn(scores, len(data), plan)
        metrics = [Critical(), Accuracy()]
        sampler = Given(tuple(faults.tolist()))
        return network_campaign(
            self.name, network, plan, variant, model, data, space, sampler, metrics
        )

    def _drawn(
        self, scores: Scores, samples: int, plan: Plan
    ) -> tuple[Integers, Integers, list[int]]:
        """The faults of the trials, the stratum of each, and the number of faults in the strata.

        The more critical neurons are, the fewer; each stratum is tried as often.
        """
        flat = np.concatenate([values.ravel() for values in scores.values.values()])
        sizes = np.array([values.size for values in scores.values.values()])
        starts = np.cumsum([0, *sizes])
        rng = np.random.default_rng(plan.seed)
        faults, strata, populations = [], [], []
        level = np.digitize(flat, sorted(self._edges()))
        for number in range(len(self._edges()) + 1):
            neurons = np.flatnonzero(level == len(self._edges()) - number)
            population = len(neurons) * samples * _WORD.bits
            drawn = rng.choice(population, min(self._runs(plan), population), replace=False)
            # Faults are numbered by module, sample, neuron and bit.
            sample, rest = np.divmod(drawn, len(neurons) * _WORD.bits or 1)
            at, bit = neurons[rest // _WORD.bits], rest % _WORD.bits
            module = np.searchsorted(starts, at, side="right") - 1
            word = sample * sizes[module] + at - starts[module]
            faults.append((starts[module] * samples + word) * _WORD.bits + bit)
            strata.append(np.full(len(drawn), number))
            populations.append(population)
        return np.concatenate(faults), np.concatenate(strata), populations

    def _protected(
        self, results: Results, neurons: int, changed: float, left_out: str
    ) -> Protected:
        frame = results.to_frame().sort_values("trial")
        critical, drop = (
            frame[column].to_numpy(np.float64)
            for column in ("Critical().critical", "Accuracy().drop")
        )
        return Protected(critical, drop, neurons, changed, left_out)


def _first(data: Data, number: int) -> Data:
    return data.first(min(number, len(data)))


def _neurons(model: nn.Module) -> str:
    """The outputs of activation functions."""
    return "|".join(name for name, m in model.named_modules() if isinstance(m, nn.ReLU))


def _answers(model: nn.Module, data: Data) -> Tensor:
    with torch.no_grad():
        return torch.cat([model(inputs).argmax(1) for _, inputs in data.batches(100)])


def _accuracy(model: nn.Module, data: Data) -> float:
    assert data.labels is not None
    return float((_answers(model, data) == data.labels).double().mean())


def _changed(model: nn.Module, hard: nn.Module, data: Data) -> float:
    return float((_answers(model, data) != _answers(hard, data)).double().mean())


def _left_out(model: nn.Module) -> str:
    coverage = [part for record in records(model) for part in record.coverage]
    return "; ".join(str(part) for part in coverage if part.left_out)
