"""How is ``radhard verify`` carried out?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from radhard.cli.comparison_tables import show_changes, show_comparison, show_verification
from radhard.cli.hardened_folder import built, is_folder, source, stored
from radhard.cli.interruption import interruption_told
from radhard.cli.json_output import comparison_facts, verification_facts
from radhard.cli.junit import check_junit, write_junit
from radhard.cli.model_and_data import ModelAndData, check_harmless, said_in
from radhard.cli.output_files import check_outputs
from radhard.cli.terminal import Terminal
from radhard.comparison import compare
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.manifest import fingerprint
from radhard.results import Results
from radhard.verification import Verification, verify

__all__ = ["VerifyAction"]

_TAKEN = ("data", "call", "samples", "format_")


@dataclass(kw_only=True)
class VerifyAction:
    """The options of ``radhard verify``, as given."""

    run: Path
    model: str
    data: str | None
    samples: int | None
    call: str | None
    weights: str | None
    store: Path | None
    max_rate: float | None
    max_drop: float | None
    junit: Path | None
    added: int
    fit_per_bit: float | None
    by: str | None
    report: Path | None
    timed: bool
    workers: int
    worker_timeout: float | None
    threads: int
    device: str
    repair: bool
    trust: bool
    allow_nondeterministic: bool = False
    detail: str | None = None

    def carry_out(self) -> int:
        """Replay, show, and return the exit code."""
        torch.set_num_threads(self.threads)
        check_outputs(report=self.report)
        check_junit(self.junit, self.max_rate, self.max_drop)
        settings = said_in(self.run)
        before = Results.open(self.run, foreign=self.trust)
        if self.max_drop is not None and before.details.scores() is None:
            raise InputError(
                f"--max-drop requires an accuracy, and {str(self.run)!r} has none; run the "
                "campaign with labels and Accuracy() among its metrics"
            )
        if self.by is not None:
            # A grouping that is not there is found now, and not after the campaign.
            compare(before, before, by=self.by)
        workload = self._given()
        workload.take({name: settings[name] for name in _TAKEN})
        workload.check_named("verify", self.run)
        base = self._unprotected(settings, before)
        loaded = workload.load()
        terminal = Terminal(self.detail)
        with interruption_told(self.store, terminal, "the same command"):
            verification = verify(
                before,
                loaded.model,
                loaded.data,
                base=base,
                call=loaded.call,
                store=self.store,
                added=self.added,
                timed=self.timed,
                workers=self.workers,
                worker_timeout=self.worker_timeout,
                names=self._names(workload, loaded.data),
                foreign=self.trust,
                deterministic=False if self.allow_nondeterministic else None,
                repair=self.repair,
            )
        return self._show(verification, terminal)

    def _given(self) -> ModelAndData:
        return ModelAndData(
            model=self.model,
            data=self.data,
            samples=self.samples,
            weights=None,
            call=self.call,
            format_=(),
            seed=None,
            batch=None,
            threads=self.threads,
            device=self.device,
            trust=self.trust,
        )

    def _names(self, workload: ModelAndData, data: Data) -> dict[str, Any]:
        """What the run file of the hardened model says about where everything came from."""
        given = {} if self.weights is None else {"unprotected weights": str(self.weights)}
        return {**workload.names(data), "replayed": str(self.run), **given}

    def _unprotected(self, settings: dict[str, Any], before: Results) -> nn.Module | None:
        """The model of RUN; None if neither RUN nor a recipe determines how to build it.

        Raises:
            InputError: the model that was built is not that of RUN.
        """
        text = settings["model"] or (source(self.model) if is_folder(self.model) else None)
        if text is None:
            if self.weights is not None:
                raise InputError(
                    f"--weights {str(self.weights)!r} are those of the unprotected model, which "
                    f"neither {str(self.run)!r} nor {self.model!r} names; harden it with radhard "
                    "harden, or in Python save it with hardenings.save(..., base='file.py:factory')"
                )
            return None
        check_harmless(source(text), f"{str(self.run)!r}", trust=self.trust)
        weights = self.weights or (settings["weights"] if settings["model"] else None)
        # Of weights that were given now, it is said where in their file they were found.
        model = built(text, weights, again=self.weights is None)
        model = stored(model, before.space.formats_by_pattern)
        recorded = before.manifest.get("model fingerprint")
        if recorded is not None and recorded != (found := fingerprint(model)):
            raise InputError(self._other_model(text, weights, str(recorded), found))
        return model.to(torch.device(self.device))

    def _other_model(self, text: str, weights: str | None, recorded: str, found: str) -> str:
        """Why a model is not that of RUN, and what to do."""
        run = f"{str(self.run)!r}"
        if self.weights is not None:
            return (
                f"{text!r} with the weights in {str(weights)!r} is not the model of {run}: its "
                f"SHA-256 is {found[:12]}..., and that of the run {recorded[:12]}...; give the "
                "weights that the model had in the run"
            )
        return (
            f"{text!r} is no longer the model of {run}: structure or values differ; if it was run "
            "with other weights, give them: --weights checkpoint.pt; a factory that draws random "
            "weights gives another model each time: seed it; else restore the model, or run the "
            "campaign again"
        )

    def _split(self, before: Results) -> str | None:
        """The groups of the comparison: those of --by, or fault models if there are several.

        A hardening may help under one fault model and harm under another, which the mean hides.
        """
        several = len(set(map(repr, before.space.faults))) > 1 and not before.by_rate
        return "fault" if self.by is None and several else self.by

    def _show(self, verification: Verification, terminal: Terminal) -> int:
        facts = verification_facts(verification) if self.detail == "json" else {}
        show_verification(verification, terminal)
        if (by := self._split(verification.before)) is not None:
            comparison = compare(verification.before, verification.after, by=by)
            if self.by is not None:
                terminal.say(f"by {'fault model' if by == 'fault' else by}:")
                show_comparison(comparison, terminal)
            if by == "fault":
                show_changes(comparison, terminal)
            facts["by"] = comparison_facts(comparison)
        if self.fit_per_bit is not None and (counted := verification.upsets()) is not None:
            for name, upsets in zip(("before", "after"), counted, strict=True):
                failures = upsets.failures(self.fit_per_bit)
                per_hour = str(upsets.per_hour(self.fit_per_bit)).rpartition(" (")[0]
                terminal.say(f"{name}: {failures}")
                terminal.say(f"  {per_hour}")
                facts[f"failures {name}"] = asdict(failures)
        if self.store is not None:
            terminal.note_files("run file", self.store)
        checks = verification.checks(max_rate=self.max_rate, max_drop=self.max_drop)
        if self.report is not None:
            from radhard.report import write_verification

            paths = write_verification(
                verification,
                self.report,
                store=self.store,
                fit_per_bit=self.fit_per_bit,
                checks=checks,
            )
            terminal.note_files("report", *paths)
        if self.junit is not None:
            described = {"run": self.run, "model": self.model, "hardenings": verification.by}
            write_junit(self.junit, "radhard.verify", checks, described)
            terminal.note_files("junit", self.junit)
        code = terminal.judge(checks)
        terminal.finish(facts)
        return code
