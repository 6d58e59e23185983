"""How is ``radhard analyze`` carried out?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from radhard.analyses import ANALYSES, Analysis
from radhard.analyses.deepvigor.deep_vigor import DeepVigor
from radhard.cli.json_output import scores_facts
from radhard.cli.model_and_data import Loaded, ModelAndData, said_in
from radhard.cli.output_files import check_outputs
from radhard.cli.score_tables import show_analysis_comparison, show_scores
from radhard.cli.terminal import Terminal
from radhard.errors import InputError
from radhard.manifest import fingerprint
from radhard.results import Results
from radhard.scores import Scores, compare_analyses
from radhard.vulnerability_ranges import Ranges

__all__ = ["AnalyzeAction"]

_DEFAULTS: dict[str, Any] = {"format_": ("Float32()",), "seed": 0, "batch": 100}
_OF_THE_MODEL = ("model", "data", "weights", "call", "samples", "batch", "format_")


@dataclass(kw_only=True)
class AnalyzeAction(ModelAndData):
    """The options of ``radhard analyze``, as given."""

    analyses: tuple[str, ...]
    against: Path | None
    compare: bool
    top: int
    output: Path | None
    ranges: Path | None
    report: Path | None
    detail: str | None = None

    def carry_out(self) -> int:
        """Analyse, compare, show, keep, and return the exit code."""
        torch.set_num_threads(self.threads)
        check_outputs(report=self.report, scores=self.output, ranges=self.ranges)
        analyses = self._analyses()
        results = self._campaign()
        self.fill(_DEFAULTS)
        self.check_named("analyze", self.against)
        loaded = self.load(one_format=True, again="weights" in self.taken)
        if results is not None:
            self._check_same_model(loaded, results)
        terminal = Terminal(self.detail)
        done = []
        ranges: Ranges | None = None
        for analysis in analyses:
            scores, new_ranges = self._looked(analysis, loaded)
            ranges = ranges or new_ranges
            if not self.compare:
                show_scores(scores, results, terminal, self.top)
            done.append(scores)
        if results is not None and (self.compare or len(done) > 1):
            show_analysis_comparison(compare_analyses(done, results), results, terminal)
        self._keep(done, ranges, terminal)
        if self.report is not None:
            from radhard.report import write_scores

            paths = write_scores(
                done, self.report, against=results, store=self.against, ranges=ranges
            )
            terminal.note_files("report", *paths)
        if self.detail == "json":
            facts = [scores_facts(scores, results, self.top) for scores in done]
            terminal.finish({"analyses": facts})
        return 0

    def _analyses(self) -> list[Analysis]:
        if not self.analyses:
            names = ", ".join(ANALYSES.names)
            raise InputError(
                "no analysis was given; use --with, for example --with 'MaxValue()'; available: "
                f"{names}"
            )
        if self.compare and self.against is None:
            raise InputError(
                "--compare requires a campaign to compare with; give its run file, for example "
                "--against runs/base.db"
            )
        analyses = [ANALYSES.parse(text) for text in self.analyses]
        if self.ranges is not None and not any(
            isinstance(analysis, DeepVigor) for analysis in analyses
        ):
            raise InputError(
                "--ranges requires an analysis that computes value ranges: --with 'DeepVigor()'"
            )
        return analyses

    def _campaign(self) -> Results | None:
        if self.against is None:
            return None
        settings = said_in(self.against)
        results = Results.open(self.against, foreign=self.trust)
        if results.by_rate:
            raise InputError(
                f"{str(self.against)!r} is a campaign at error rates, with many faults per trial; "
                "scores can only be compared with a campaign of one fault per trial"
            )
        # The weights of a campaign are those of its own model.
        of_other = self.model is not None and self.model != settings["model"]
        names = [name for name in _OF_THE_MODEL if not (of_other and name == "weights")]
        self.take({name: settings[name] for name in names})
        return results

    def _check_same_model(self, loaded: Loaded, results: Results) -> None:
        recorded = results.manifest.get("model fingerprint")
        if recorded is not None and recorded != fingerprint(loaded.model):
            raise InputError(
                f"{self.model!r} stored as {', '.join(self.format_)} is not the model of "
                f"{str(self.against)!r}, which is "
                f"{results.manifest.get('model') or 'a model from Python'!r} stored as "
                f"{', '.join(map(repr, results.space.formats))}: structure or values differ; give "
                "the MODEL, --weights and --format of that campaign (a factory that draws random "
                "weights gives another model each time: load a checkpoint, or seed it)"
            )

    def _looked(self, analysis: Analysis, loaded: Loaded) -> tuple[Scores, Ranges | None]:
        """The scores with the names of model and data, and value ranges if the analysis has any."""
        looks = analysis.scores_and_ranges if isinstance(analysis, DeepVigor) else analysis
        outcome = looks(loaded.model, loaded.data, **self.evaluation(loaded))
        scores, ranges = outcome if isinstance(outcome, tuple) else (outcome, None)
        how = {
            "samples": len(loaded.data),
            "batch": self.batch,
            "seed": self.seed,
            "format": self.format_[0],
        }
        return replace(scores, names={**self.names(loaded.data), **how}), ranges

    def _keep(self, done: Sequence[Scores], ranges: Ranges | None, terminal: Terminal) -> None:
        if self.ranges is not None and ranges is not None:
            ranges.save(self.ranges)
            terminal.note_files("ranges", self.ranges)
        if self.output is None:
            return
        paths = places(self.output, done)
        for scores, path in zip(done, paths, strict=True):
            scores.save(path)
        terminal.note_files("scores", *paths)


def places(output: Path, done: Sequence[Scores]) -> list[Path]:
    """One file for each analysis, after whose name they are called where there are several."""
    if len(done) == 1:
        return [output]
    kinds = [scores.by.partition("(")[0].rpartition(":")[2] for scores in done]
    seen: Counter[str] = Counter()
    paths = []
    for kind in kinds:
        seen[kind] += 1
        number = f"-{seen[kind]}" if kinds.count(kind) > 1 else ""
        paths.append(output.with_stem(f"{output.stem}-{kind}{number}"))
    return paths
