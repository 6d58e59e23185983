"""How does a command line become a study's page?"""

import shlex
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from radhard.cli.console import say
from radhard.studies import STUDIES, Plan, conduct, study_named

__all__ = ["Studied"]


@dataclass(kw_only=True)
class Studied:
    """The options of ``radhard study``, as given."""

    name: str | None
    networks: tuple[str, ...]
    runs: int | None
    images: int | None
    seed: int
    output: Path
    store: Path | None
    cache: Path | None
    timed: bool
    workers: int

    def carry_out(self) -> int:
        """List the studies, or conduct one, and return the exit code."""
        console = Console()
        if self.name is None:
            for study in STUDIES.values():
                say(console, study.name, "bold")
                say(console, f"  {study.title}")
                say(console, f"  {study.source}; on {', '.join(study.networks)}")
            return 0
        study = study_named(self.name)
        torch.set_num_threads(1)
        plan = Plan(
            runs=study.runs if self.runs is None else self.runs,
            images=self.images,
            seed=self.seed,
            store=self.store,
            timed=self.timed,
            workers=self.workers,
            tell=lambda line: say(console, line),
        )
        written = conduct(
            study,
            plan,
            self.output,
            networks=self.networks,
            cache=self.cache,
            command=self._command(plan.runs),
        )
        for path in written:
            console.print(str(path), soft_wrap=True, highlight=False)
        return 0

    def _command(self, runs: int) -> str:
        """The line that asks for the same page."""
        words = ["radhard", "study", str(self.name)]
        for network in self.networks:
            words += ["--network", network]
        words += ["--runs", str(runs)]
        if self.images is not None:
            words += ["--images", str(self.images)]
        return shlex.join([*words, "--seed", str(self.seed)])
