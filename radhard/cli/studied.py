"""How does a command line become a study's page?"""

import shlex
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from radhard.cli.console import say
from radhard.errors import InputError
from radhard.studies import STUDIES, AnyStudy, Plan, PruningPlan, Study, conduct, study_named

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
    workers: int | None

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
        plan = self._plan(study, console)
        written = conduct(
            study,
            plan,
            self.output,
            networks=self.networks,
            cache=self.cache,
            command=self._command(plan),
        )
        for path in written:
            console.print(str(path), soft_wrap=True, highlight=False)
        return 0

    def _plan(self, study: AnyStudy, console: Console) -> Plan | PruningPlan:
        """How much is tried, of a study of either kind.

        Raises:
            InputError: an option that says nothing to this study.
        """
        if not isinstance(study, Study):
            self._demand_no_trials(study.name)
            return PruningPlan(seed=self.seed, tell=lambda line: say(console, line))
        return Plan(
            runs=study.runs if self.runs is None else self.runs,
            images=self.images,
            seed=self.seed,
            store=self.store,
            timed=self.timed,
            workers=1 if self.workers is None else self.workers,
            tell=lambda line: say(console, line),
        )

    def _demand_no_trials(self, name: str) -> None:
        given = {
            "--runs": self.runs is not None,
            "--images": self.images is not None,
            "--store": self.store is not None,
            "--no-time": not self.timed,
            "--workers": self.workers is not None,
        }
        if wrong := [option for option, there in given.items() if there]:
            raise InputError(
                f"{', '.join(wrong)}: {name} strikes nothing, so that it has no trials, no run "
                "files and no times; it takes --network, --seed, --output and --cache"
            )

    def _command(self, plan: Plan | PruningPlan) -> str:
        """The line that asks for the same page."""
        words = ["radhard", "study", str(self.name)]
        for network in self.networks:
            words += ["--network", network]
        if isinstance(plan, Plan):
            words += ["--runs", str(plan.runs)]
        if self.images is not None:
            words += ["--images", str(self.images)]
        return shlex.join([*words, "--seed", str(self.seed)])
