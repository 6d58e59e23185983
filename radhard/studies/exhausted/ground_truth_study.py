"""How are networks exhausted, and estimators scored on what was found?"""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, final

import numpy as np

from radhard.analyses import DeepVigorPlus, WeightSensitivity
from radhard.caps import CAPS, CapTable
from radhard.errors import InputError
from radhard.formats import Float32, Format
from radhard.studies.exhausted.estimator_campaigns import campaign_seconds, scores_of
from radhard.studies.exhausted.estimators import SCORES, estimator
from radhard.studies.exhausted.exhausted_table import ExhaustedTable, exhausted_table
from radhard.studies.exhausted.ground_truth_design import GroundTruthDesign
from radhard.studies.exhausted.ground_truth_findings import (
    CapScore,
    EstimatorScore,
    GroundTruthFindings,
    PredictedRate,
    TableFindings,
)
from radhard.studies.exhausted.ground_truth_section import ground_truth_section
from radhard.studies.exhausted.kept_caps import kept_caps
from radhard.studies.exhausted.simulation import Simulation
from radhard.studies.networks import Network
from radhard.studies.study import NetworkSection, Plan, Study
from radhard.studies.trained_network import cache_folder

__all__ = ["GroundTruthStudy"]

_QUICK_RUNS = 5


@final
@dataclass(frozen=True, kw_only=True)
class GroundTruthStudy(Study[GroundTruthFindings]):
    """Exhausted networks, and campaigns on them whose figures are looked up.

    ``store``: the folder of the tables; by default ``ground-truth`` in the user's cache.
    """

    design: GroundTruthDesign

    uses: ClassVar[frozenset[str]] = frozenset({"runs", "images", "store", "workers", "quick"})

    def measure(self, network: Network, plan: Plan) -> GroundTruthFindings:
        formats = self.design.formats_of(network.name)[: 1 if plan.quick else None]
        images = self.design.images if plan.images is None else plan.images
        tables = [self._table(network, plan, format, images) for format in formats]
        return GroundTruthFindings(network.name, images, tables)

    def section(self, network: Network, findings: GroundTruthFindings) -> NetworkSection:
        return ground_truth_section(network, findings)

    def intervals(self) -> str:
        return (
            "Shares of campaigns are given with 95 % confidence intervals. These allow for the "
            "number of simulated campaigns, and apply to this network with these images. Numbers "
            "counted over all faults are exact and have no interval."
        )

    def settings(self, plan: Plan) -> Mapping[str, Any]:
        design = self.design
        formats = {name: [repr(one) for one in all_] for name, all_ in design.formats.items()}
        fewer = {"fewer": dict(design.fewer)} if design.fewer else {}
        return {"runs": self._runs(plan), "long": design.long, **fewer, "formats": formats}

    def amount(self, plan: Plan) -> str:
        return f"{self._runs(plan)} campaigns of each estimator"

    def _runs(self, plan: Plan) -> int:
        if plan.runs is not None:
            return plan.runs
        return _QUICK_RUNS if plan.quick else self.design.runs

    def _table(self, network: Network, plan: Plan, format: Format, images: int) -> TableFindings:
        base = plan.store if plan.store is not None else cache_folder()
        folder = base / "ground-truth" / network.name
        name = "".join(c if c.isalnum() else "-" for c in repr(format).lower()).strip("-")
        data = network.test.first(min(images, len(network.test)))
        path = folder / f"{name}-{len(data)}.parquet"
        table = exhausted_table(
            network.name, network.model, data, format, path, plan, self.design.engine
        )
        plan.report(f"{network.name}, {format!r}: caps and analyses")
        left_out: dict[str, str] = {}
        # Caps take longer than all else.
        whole = format == Float32() and not plan.quick
        caps, scores = _caps(self.design, table, folder, plan, left_out) if whole else ({}, [])
        predicted = self._predicted(table, plan, left_out) if whole else []
        seconds: dict[str, float] = {}
        estimates = self._estimates(table, plan, folder, caps, left_out, seconds)
        return TableFindings(table.index, estimates, scores, predicted, left_out, seconds)

    def _estimates(
        self,
        table: ExhaustedTable,
        plan: Plan,
        folder: Path,
        caps: Mapping[str, tuple[CapTable, float]],
        left_out: dict[str, str],
        seconds: dict[str, float],
    ) -> list[EstimatorScore]:
        """The scores of all estimators, question by question, and the time of their campaigns."""
        found, runs = [], self._runs(plan)
        with tempfile.TemporaryDirectory() as temporary:
            scores = Path(temporary) / SCORES
            sensitivity = WeightSensitivity(table.format)(table.model, table.data, seed=plan.seed)
            sensitivity.save(scores)
            for question in self.design.questions:
                if plan.quick and not question.quick:
                    continue
                truth = Simulation(table.model, table.space, table.harm).truth(question.by)
                for text in question.estimators_for(table.format):
                    if plan.quick and "caps=" in text:
                        continue
                    plan.report(f"{table.network}, {table.format!r}: {text}")
                    try:
                        chosen = estimator(
                            text, question, table, {k: v for k, (v, _) in caps.items()}, scores
                        )
                    except InputError as error:
                        left_out[text] = str(error)
                        continue
                    found += scores_of(
                        chosen,
                        question,
                        table,
                        truth,
                        folder,
                        plan.seed,
                        min(runs, self.design.fewer.get(table.network, runs)),
                        self.design.long,
                    )
                    if self.design.timed and not plan.quick:
                        before = sum(time for key, (_, time) in caps.items() if key in text)
                        spent = campaign_seconds(chosen, table, plan.seed, self.design.timed)
                        seconds[text] = before + spent
        return found

    def _predicted(
        self, table: ExhaustedTable, plan: Plan, left_out: dict[str, str]
    ) -> list[PredictedRate]:
        """The rate of faults in weights that DeepVigor+ predicts, as the mean over the layers."""
        analysis = DeepVigorPlus("weights", images=len(table.data), format=table.format)
        values, layers, seconds = [], [], 0.0
        if not self.design.analyses:
            return []
        for number in range(self.design.analyses):
            start = time.process_time()
            try:
                scores = analysis(table.model, table.data, seed=plan.seed + number)
            except InputError as error:
                left_out[repr(analysis)] = str(error)
                return []
            seconds += time.process_time() - start
            facts, layers = scores.facts["mvf"]["weights"], list(scores.facts["lvf"])
            values.append((facts["value"], facts["low"], facts["high"]))
        truth = Simulation(table.model, table.space, table.harm).truth("tensor")
        true = float(np.mean([truth[name] for name in layers]))
        return [PredictedRate(repr(analysis), true, values, seconds / len(values))]


def _caps(
    design: GroundTruthDesign,
    table: ExhaustedTable,
    folder: Path,
    plan: Plan,
    left_out: dict[str, str],
) -> tuple[dict[str, tuple[CapTable, float]], list[CapScore]]:
    """The caps of all faults by each source, with the processor time that it took; their scores.

    Caps on the first images only have a score, and are none of those of all faults.
    """
    found, scores = {}, []
    for text in design.caps:
        source, samples = CAPS.parse(text), design.first.get(text, len(table.data))
        data = table.data.first(min(samples, len(table.data)))
        try:
            caps, seconds = kept_caps(source, table, data, folder, plan.seed)
        except InputError as error:
            left_out[text] = str(error)
            continue
        scores.append(_cap_score(table, caps, len(data), seconds))
        if len(data) == len(table.data):
            found[repr(source)] = caps, seconds
    return found, scores


def _cap_score(table: ExhaustedTable, caps: CapTable, samples: int, seconds: float) -> CapScore:
    starts, every = table.space.starts.tolist(), len(table.data)
    # Caps are multiples of one sample, in single precision. The other samples may all be harmed.
    allowed = np.round(caps.caps * samples) + every - samples
    above = table.harmed > allowed
    truly, pairs, misses = {}, {}, {}
    for place in range(len(table.space.regions)):
        name, own = table.space.name(place), slice(starts[place], starts[place + 1])
        truly[name] = float((table.harmed[own] == 0).mean())
        pairs[name] = 1 - float(caps.caps[own].mean(dtype=np.float64))
        misses[name] = int(above[own].sum())
    return CapScore(
        caps.by,
        samples,
        caps.harmless,
        caps.mean,
        int(above.sum()),
        seconds,
        dict(caps.shares),
        truly,
        pairs,
        misses,
        dict(caps.left_out),
    )
