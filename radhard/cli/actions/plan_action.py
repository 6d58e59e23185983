"""How is ``radhard plan`` carried out?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from radhard.cli.estimate_table import plain_table
from radhard.cli.fault_space import fault_space, injects_into_registers_only
from radhard.cli.free_place import campaign_name, free_place
from radhard.cli.model_and_data import ModelAndData
from radhard.cli.plan_wording import choice_in_words, plan_facts
from radhard.cli.shell_line import shell_line
from radhard.cli.terminal import Terminal
from radhard.errors import InputError
from radhard.metrics import METRICS
from radhard.planning import CampaignPlan, duration, plan
from radhard.samplers import Adaptive
from radhard.space import FaultSpace
from radhard.stats import percent

__all__ = ["PlanAction"]

_DEFAULTS: dict[str, Any] = {
    "target": ("Weights('*')",),
    "fault": ("BitFlip()",),
    "format_": ("Float32()",),
    "seed": 0,
    "batch": 100,
}

_WIDE = 72
"""Terminal width from which on the samplers are in a table."""

_NAMES = {"target": "target", "fault": "fault", "format_": "format", "seed": "seed"}
"""Options that the command of the campaign repeats, if they are not the defaults."""


@dataclass(kw_only=True)
class PlanAction(ModelAndData):
    """The options of ``radhard plan``, as given."""

    target: tuple[str, ...]
    fault: tuple[str, ...]
    plane: tuple[str, ...]
    metric: tuple[str, ...]
    margin: float | None
    max_rate: float | None
    max_fit: float | None
    fit_per_bit: float | None
    confidence: float
    by: str | None
    detail: str | None = None

    def carry_out(self) -> int:
        """Run the pilot, show the plan, and return the exit code."""
        torch.set_num_threads(self.threads)
        asked = [x for x in (self.margin, self.max_rate, self.max_fit) if x is not None]
        if len(asked) != 1:
            raise InputError("give one of --margin 0.5%, --max-rate 1% and --max-fit 10")
        self.fill(_DEFAULTS)
        self.check_named("plan")
        metrics = self.parts("metric", METRICS)
        loaded = self.load(as_it_is=injects_into_registers_only(self))
        space = fault_space(self, loaded, self.plane)
        max_rate = self.max_rate if self.max_fit is None else self._rate_of_fit(space)
        found = plan(
            loaded.model,
            loaded.data,
            space,
            margin=self.margin,
            max_rate=max_rate,
            confidence=self.confidence,
            by=self.by,
            metrics=metrics or None,
            **self.evaluation(loaded),
        )
        self._show(found, max_rate)
        return 0

    def _rate_of_fit(self, space: FaultSpace) -> float:
        """The rate of single bit flips at which the whole space has the failure rate asked for."""
        assert self.max_fit is not None
        if self.fit_per_bit is None or self.fit_per_bit == 0:
            raise InputError("--max-fit requires the raw rate of one bit: --fit-per-bit 1e-4")
        bits = sum(region.all_words * region.word.bits for region in space.regions)
        if bits != len(space):
            raise InputError(
                f"--max-fit applies to faults of one bit each, and this space has {len(space):,} "
                f"faults in {bits:,} bits; use BitFlip() in all words, or give --max-rate"
            )
        rate = self.max_fit / (self.fit_per_bit * bits)
        if rate >= 1:
            raise InputError(
                f"{bits:,} bits at {self.fit_per_bit:g} FIT each have "
                f"{self.fit_per_bit * bits:.3g} FIT even if every flip does harm, which is within "
                f"--max-fit {self.max_fit:g}: no trials are needed"
            )
        return rate

    def _show(self, found: CampaignPlan, max_rate: float | None) -> None:
        terminal = Terminal(self.detail)
        asked = found.precision
        level = percent(asked.confidence)
        of = "" if asked.by is None else f" of every {asked.by} ({found.groups})"
        terminal.say(
            f"Margin  {percent(float(f'{asked.margin:.3g}'))}{of} at {level} confidence",
            "bold",
            always=True,
        )
        if max_rate is not None:
            limit = percent(float(f"{max_rate:.3g}"))
            terminal.say(
                f"enough for an upper limit below {limit}, if the rate is that of the pilot"
            )
        terminal.say(f"{found.space!r}")
        rate = str(found.rate).rpartition(" (")[0]
        terminal.say(
            f"pilot: {len(found.pilot):,} trials, rate {rate}; "
            f"{1000 * found.speed.per_trial:.3g} ms per trial and {duration(found.speed.setup)} to "
            f"prepare; took {duration(found.seconds)} in all"
        )
        if terminal.console.width >= _WIDE:
            terminal.show(_sampler_table(found))
        else:
            terminal.say("")
            for row in found.rows:
                trials = "?" if row.trials is None else f"{row.trials:,}"
                terminal.say(f"{row.sampler!r}")
                terminal.say(f"  {trials} trials, {duration(row.seconds)} ({row.basis})")
        for way, reason in found.left_out.items():
            terminal.say(f"{way} does not apply: {reason}")
        if any(isinstance(row.sampler, Adaptive) and row.sampler.caps for row in found.rows):
            terminal.say("The times of samplers with caps include computing the caps.", "dim")
        terminal.say(choice_in_words(found))
        terminal.say(
            f"No sampler needs fewer than {found.floor:,} trials, unless it computes or assumes "
            "something about the faults that it does not inject."
        )
        command = self._command(found)
        terminal.say_whole(command, always=True)
        facts = {
            **asdict(asked),
            "groups": found.groups,
            "pilot": {
                "trials": len(found.pilot),
                "rate": asdict(found.rate),
                "seconds": found.seconds,
            },
            "setup seconds": found.speed.setup,
            "seconds per trial": found.speed.per_trial,
            "floor": found.floor,
            "left out": dict(found.left_out),
            "choice": repr(found.choice.sampler),
            "command": command,
            "samplers": plan_facts(found),
        }
        terminal.finish(facts)

    def _command(self, found: CampaignPlan) -> str:
        """The command of the fastest campaign that assumes nothing."""
        words = ["radhard", "run", str(self.model), "--data", str(self.data)]
        if self.samples is not None:
            words += ["--n", str(self.samples)]
        for name in ("weights", "call"):
            if getattr(self, name) is not None:
                words += [f"--{name}", getattr(self, name)]
        for name, option in _NAMES.items():
            if getattr(self, name) != _DEFAULTS[name]:
                values = getattr(self, name)
                for value in values if isinstance(values, tuple) else (values,):
                    words += [f"--{option}", str(value)]
        for name in ("plane", "metric"):
            for value in getattr(self, name):
                words += [f"--{name}", value]
        # Without a run file an interrupted campaign begins anew, and nothing can be verified.
        store = free_place(Path("runs", f"{campaign_name(str(self.model))}.db"))
        return shell_line(
            *words, "--sampler", repr(found.choice.sampler), "--store", store.as_posix()
        )


def _sampler_table(found: CampaignPlan) -> Table:
    table = plain_table("")
    table.add_column("sampler")
    table.add_column("trials", justify="right")
    table.add_column("time", justify="right")
    table.add_column("number of trials", header_style="dim")
    for row in found.rows:
        trials = "?" if row.trials is None else f"{row.trials:,}"
        table.add_row(repr(row.sampler), trials, duration(row.seconds), row.basis)
    return table
