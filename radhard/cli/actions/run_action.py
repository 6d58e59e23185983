"""How is ``radhard run`` carried out?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from radhard.campaign import run
from radhard.cli.fault_space import fault_space, injects_into_registers_only
from radhard.cli.interruption import interruption_told
from radhard.cli.json_output import results_facts
from radhard.cli.junit import check_junit, write_junit
from radhard.cli.margin_options import check_margin
from radhard.cli.model_and_data import Loaded, ModelAndData, said_in
from radhard.cli.output_files import check_outputs
from radhard.cli.plan_wording import chosen_line, plan_facts
from radhard.cli.run_tables import show_results
from radhard.cli.terminal import Terminal
from radhard.engines import ENGINES, Engine
from radhard.executors import EXECUTORS
from radhard.metrics import METRICS, Metric
from radhard.planning import Precision, plan
from radhard.results import Results
from radhard.samplers import SAMPLERS, Sampler
from radhard.space import FaultSpace
from radhard.stats import LimitCheck
from radhard.store import Store

__all__ = ["RunAction"]

_DEFAULTS: dict[str, Any] = {
    "target": ("Weights('*')",),
    "fault": ("BitFlip()",),
    "format_": ("Float32()",),
    "sampler": "PerTensor(n=400)",
    "seed": 0,
    "batch": 100,
}


@dataclass(kw_only=True)
class RunAction(ModelAndData):
    """The options of ``radhard run``, as given."""

    target: tuple[str, ...]
    fault: tuple[str, ...]
    plane: tuple[str, ...]
    sampler: str | None
    margin: float | None
    confidence: float | None
    by: str | None
    metric: tuple[str, ...]
    engine: str | None
    exact: bool
    store: Path | None
    origin: Path | None
    workers: int
    worker_timeout: float | None
    executor: str | None
    audit: float
    report: Path | None
    max_rate: float | None
    junit: Path | None
    repair: bool
    detail: str | None = None

    def settings(self) -> dict[str, Any]:
        """All options by name, those of a run file and the defaults of a campaign included."""
        if self.origin is not None:
            found = said_in(self.origin)
            if self.model is not None and self.model != found["model"]:
                # The weights of a campaign are those of its own model.
                found["weights"] = None
            self.take(found)
        check_margin(self.margin, self.sampler, self.confidence, self.by)
        asked = {} if self.margin is None else {"sampler": None, "confidence": 0.95}
        self.fill({**_DEFAULTS, **asked})
        return dict(vars(self))

    def carry_out(self) -> int:
        """Run the campaign, show it, and return the exit code."""
        torch.set_num_threads(self.threads)
        check_outputs(report=self.report)
        check_junit(self.junit, self.max_rate)
        self.settings()
        terminal = Terminal(self.detail)
        begun = self._begun
        way = "the same command, or --from with the same --store,"
        with interruption_told(self.store, terminal, way):
            results = self._results(terminal)
        show_results(results, terminal, begun=begun)
        if self.store is not None:
            terminal.note_files("run file", self.store)
        if self.report is not None:
            from radhard.report import write

            terminal.note_files(
                "report",
                *write(results, self.report, store=self.store, checks=self._checks(results)),
            )
        code = self._judged(results, terminal)
        if self.detail == "json":
            terminal.finish(results_facts(results))
        return code

    def _results(self, terminal: Terminal) -> Results:
        self.check_named("run", self.origin)
        metrics = self.parts("metric", METRICS)
        engine: Engine | Literal["auto"] = "auto"
        if self.engine not in (None, "auto"):
            engine = self.part("engine", ENGINES)
        loaded = self.load(as_it_is=injects_into_registers_only(self), again=self._begun)
        space = fault_space(self, loaded, self.plane)
        names = self.names(loaded.data)
        if self.margin is None:
            sampler = self.part("sampler", SAMPLERS)
        else:
            precision = Precision(self.margin, self.confidence or 0.95, self.by)
            sampler = self._chosen(precision, loaded, space, metrics, engine, terminal)
            names |= precision.names
        return run(
            loaded.model,
            loaded.data,
            space,
            sampler,
            metrics=metrics or None,
            store=self.store,
            engine=engine,
            exact=self.exact,
            names=names,
            workers=self.workers,
            worker_timeout=self.worker_timeout,
            executor=None if self.executor is None else self.part("executor", EXECUTORS),
            audit=self.audit,
            repair=self.repair,
            **self.evaluation(loaded),
        )

    @property
    def _begun(self) -> bool:
        """Whether a run file has this campaign already, and what is to be said when it begins."""
        if self.origin is not None:
            return True
        if self.store is None or not self.store.is_file():
            return False
        with Store(self.store) as file:
            return not file.empty

    def _chosen(
        self,
        precision: Precision,
        loaded: Loaded,
        space: FaultSpace,
        metrics: list[Metric],
        engine: Engine | Literal["auto"],
        terminal: Terminal,
    ) -> Sampler:
        """The sampler of the run file, or else the one that a pilot chooses for the margin."""
        recorded = precision.sampler_of(self.store)
        if recorded is not None:
            terminal.say(f"continued with the sampler of the run file: {recorded!r}")
            return recorded
        found = plan(
            loaded.model,
            loaded.data,
            space,
            margin=precision.margin,
            confidence=precision.confidence,
            by=precision.by,
            metrics=metrics or None,
            engine=engine,
            exact=self.exact,
            **self.evaluation(loaded),
        )
        terminal.say(chosen_line(found))
        terminal.facts["samplers for the margin"] = plan_facts(found)
        return found.choice.sampler

    def _checks(self, results: Results) -> list[LimitCheck]:
        return [] if self.max_rate is None else results.checks(self.max_rate)

    def _judged(self, results: Results, terminal: Terminal) -> int:
        checks = self._checks(results)
        if self.junit is not None:
            facts = {"space": repr(results.space), "sampler": repr(results.sampler)}
            write_junit(self.junit, "radhard.run", checks, {**facts, "seed": results.seed})
            terminal.note_files("junit", self.junit)
        return terminal.judge(checks)
