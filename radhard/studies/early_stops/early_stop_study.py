"""How many faults in registers end at the output of the faulty layer?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, final

from torch import nn

from radhard.accelerators import Systolic
from radhard.analyses import DeepVigor
from radhard.datasets import Data
from radhard.engines import Hybrid
from radhard.faults import BitFlip
from radhard.formats import Int
from radhard.metrics import Critical
from radhard.quantization import quantized
from radhard.samplers import PerTensor
from radhard.space import FaultSpace
from radhard.studies.early_stops.early_stop_findings import (
    EarlyStopFindings,
    Inputs,
    StoppedTrials,
)
from radhard.studies.early_stops.early_stop_section import early_stop_section
from radhard.studies.network_campaign import network_campaign, place_in_store
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.targets import Registers
from radhard.vulnerability_ranges import Ranges

__all__ = ["EarlyStopDesign", "EarlyStopStudy"]

_WORD = Int(8)


@final
@dataclass(frozen=True)
class EarlyStopDesign:
    """The array, and from which samples the ranges of neurons are computed."""

    arrays: tuple[Systolic, ...]
    """One for each dataflow."""
    analysis: DeepVigor
    guard: float = 3.0
    """That of the claims, chosen by the agreement on held-out images."""
    guards: tuple[float, ...] = (1.0, 2.0, 3.0)
    analyzed: int = 100
    """Training samples from which the ranges are computed, by default."""
    calibration: int = 200
    """Training samples from which the scales of activations follow."""
    runs: int = 3000
    """Trials in each register of each layer, by default."""


@final
@dataclass(frozen=True, kw_only=True)
class EarlyStopStudy(Study[EarlyStopFindings]):
    """Faults in registers of an array that value ranges settle, and how often wrongly."""

    design: EarlyStopDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> EarlyStopFindings:
        design = self.design
        model = quantized(
            network.model, _first(network.train, design.calibration), _WORD, inputs=True
        )
        analyzed = _first(network.train, self._analyzed(plan))
        unseen = _first(network.test, network.images if plan.images is None else plan.images)
        held_out = network.train.rows(slice(len(analyzed), len(analyzed) + len(unseen)))
        samples: dict[Inputs, Data] = {
            "analyzed": analyzed,
            "held out": held_out,
            "unseen": unseen,
        }
        with TemporaryDirectory() as folder:
            place = place_in_store(self.name, network, plan, "ranges")
            path = (Path(folder) / "ranges" if place is None else place).with_suffix(".npz")
            seconds = self._ranges(network, plan, model, analyzed, path)
            groups = [
                group
                for array in self._arrays(plan)
                for inputs, data in samples.items()
                for guard in self._guards(plan)
                for group in self._groups(network, plan, model, array, inputs, data, path, guard)
            ]
        return EarlyStopFindings(network.name, design.guard, len(analyzed), seconds, groups)

    def section(self, network: Network, findings: EarlyStopFindings) -> NetworkSection:
        return early_stop_section(network, findings)

    def intervals(self) -> str:
        return (
            "Intervals are 95 % confidence intervals "
            "over the faults: Wilson's for shares that ended early, "
            "Clopper-Pearson's for agreements. They hold for these networks and images."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        return {
            "runs": self._runs(plan),
            "analyzed": self._analyzed(plan),
            "calibration": self.design.calibration,
            "guards": list(self._guards(plan)),
            "arrays": [repr(array) for array in self._arrays(plan)],
            "analysis": repr(self.design.analysis),
        }

    def amount(self, plan: Plan) -> str:
        return f"{self._runs(plan):,} trials in each register of each layer"

    def _runs(self, plan: Plan) -> int:
        return self.design.runs if plan.runs is None else plan.runs

    def _analyzed(self, plan: Plan) -> int:
        return 10 if plan.quick else self.design.analyzed

    def _arrays(self, plan: Plan) -> Sequence[Systolic]:
        return self.design.arrays[:1] if plan.quick else self.design.arrays

    def _guards(self, plan: Plan) -> Sequence[float]:
        return (self.design.guard,) if plan.quick else self.design.guards

    def _ranges(
        self, network: Network, plan: Plan, model: nn.Module, data: Data, path: Path
    ) -> float:
        """Compute the ranges, unless the store has them; returns the seconds that it took."""
        beside = path.with_suffix(".seconds")
        if path.is_file() and beside.is_file():
            Ranges.load(path).check_model(model)
            return float(beside.read_text(encoding="utf-8"))
        plan.report(f"{network.name}: ranges of neurons")
        path.parent.mkdir(parents=True, exist_ok=True)
        start = time.process_time()
        self.design.analysis.ranges(model, data, progress=plan.progress).save(path)
        seconds = time.process_time() - start
        beside.write_text(repr(seconds), encoding="utf-8")
        return seconds

    def _groups(
        self,
        network: Network,
        plan: Plan,
        model: nn.Module,
        array: Systolic,
        inputs: Inputs,
        data: Data,
        path: Path,
        guard: float,
    ) -> list[StoppedTrials]:
        plan.report(f"{network.name}: {array.dataflow}, {inputs} inputs, guard {guard:g}")
        space = FaultSpace.of(model, Registers(array), BitFlip(), array.formats, data=data)
        # Every settled trial is executed, and none is left out because some are wrong.
        engine = Hybrid(str(path), guard, audit=1.0, threshold=1.0)
        results = network_campaign(
            self.name,
            network,
            plan,
            f"{array.dataflow} {inputs} {guard:g}",
            model,
            data,
            space,
            PerTensor(self._runs(plan)),
            Critical(),
            engine=engine,
        )
        sums: dict[str, list[int]] = {space.name(p): [0] * 4 for p in range(len(space.sites))}
        for record in results.inferences:
            tallies = (record.harmless, record.harmful)
            tried = sum(tally.tried for tally in tallies)
            added = (
                sum(record.trials),
                sum(tally.inferred for tally in tallies) - tried,
                tried,
                sum(tally.wrong for tally in tallies),
            )
            sums[record.tensor] = [a + b for a, b in zip(sums[record.tensor], added, strict=True)]
        return [
            StoppedTrials(
                array.dataflow, layer, register, inputs, guard, trials, masked, settled, wrong
            )
            for (layer, _, register), (trials, masked, settled, wrong) in (
                (name.rpartition(":"), counts) for name, counts in sums.items()
            )
        ]


def _first(data: Data, number: int) -> Data:
    return data.first(min(number, len(data)))
