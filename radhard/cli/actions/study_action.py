"""How is ``radhard study`` carried out?"""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from radhard.cli.terminal import Terminal
from radhard.errors import InputError
from radhard.studies import STUDIES, Plan, Study, conduct, study_named

__all__ = ["StudyAction"]

_OPTIONS = {
    "runs": "--runs",
    "images": "--images",
    "store": "--store",
    "timed": "--no-time",
    "quick": "--quick",
    "workers": "--workers",
}
"""Settings of a plan that not every study uses, and the option for each."""
_ALWAYS = ("--network", "--seed", "--output", "--cache")


@dataclass(kw_only=True)
class StudyAction:
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
    quick: bool
    workers: int | None

    def carry_out(self) -> int:
        """List the studies, or conduct one, and return the exit code."""
        terminal = Terminal()
        if self.name is None:
            for study in STUDIES.values():
                terminal.say(study.name, "bold")
                terminal.say(f"  {study.title}")
                terminal.say(f"  {study.source}; on {', '.join(study.networks)}")
            return 0
        study = study_named(self.name)
        torch.set_num_threads(1)
        plan = self._plan(study, terminal)
        written = conduct(
            study,
            plan,
            self.output,
            networks=self.networks,
            cache=self.cache,
            command=self._command(study, plan),
        )
        for path in written:
            terminal.say_whole(str(path))
        return 0

    def _plan(self, study: Study[Any], terminal: Terminal) -> Plan:
        """How much is done.

        Raises:
            InputError: an option that this study does not use.
        """
        options = {
            "runs": self.runs is not None,
            "images": self.images is not None,
            "store": self.store is not None,
            "timed": not self.timed,
            "quick": self.quick,
            "workers": self.workers is not None,
        }
        if wrong := [
            _OPTIONS[name]
            for name, is_given in options.items()
            if is_given and name not in study.uses
        ]:
            used = [*(_OPTIONS[name] for name in _OPTIONS if name in study.uses), *_ALWAYS]
            raise InputError(
                f"{study.name} does not use {', '.join(wrong)}; it takes {', '.join(used)}"
            )
        return Plan(
            runs=self.runs,
            images=self.images,
            seed=self.seed,
            store=self.store,
            timed=self.timed,
            quick=self.quick,
            workers=self.workers,
            report=lambda line: terminal.say(line),
        )

    def _command(self, study: Study[Any], plan: Plan) -> str:
        """The line that makes the same page."""
        words = ["radhard", "study", str(self.name)]
        for network in self.networks:
            words += ["--network", network]
        # None where the number depends on the network.
        if "runs" in study.uses and (runs := study.settings(plan)["runs"]) is not None:
            words += ["--runs", str(runs)]
        if self.quick:
            words.append("--quick")
        if self.images is not None:
            words += ["--images", str(self.images)]
        return shlex.join([*words, "--seed", str(self.seed)])
