"""How is ``radhard harden`` carried out?"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from radhard.analyses import ANALYSES, Analysis
from radhard.cli.cost_table import show_cost
from radhard.cli.hardened_folder import source
from radhard.cli.model_and_data import Loaded, ModelAndData
from radhard.cli.output_files import check_outputs
from radhard.cli.terminal import Terminal
from radhard.cost import overhead
from radhard.datasets import Data, training
from radhard.datasets import load as load_data
from radhard.errors import InputError
from radhard.hardenings import (
    HARDENINGS,
    Bound,
    Edac,
    GateAccess,
    Hardening,
    parts,
    records,
    save,
)
from radhard.manifest import fingerprint
from radhard.scores import Scores
from radhard.stats import percent
from radhard.verification import stored_formats
from radhard.workload import fault_free_outputs

__all__ = ["HardenAction"]

_DEFAULTS: dict[str, Any] = {"format_": ("Float32()",), "seed": 0, "batch": 100}


@dataclass(kw_only=True)
class HardenAction(ModelAndData):
    """The options of ``radhard harden``, as given."""

    hardenings: tuple[str, ...]
    scores: str | None
    validate: str | None
    timed: bool
    output: Path | None
    force: bool
    detail: str | None = None

    def carry_out(self) -> int:
        """Harden, print what was added and its cost, save the model, and return the exit code."""
        torch.set_num_threads(self.threads)
        check_outputs(folder=self.output, force=self.force)
        self.fill(_DEFAULTS)
        self.check_named("harden")
        hardenings = self._hardenings()
        scores = self._scores()
        assert self.data is not None
        requested, self.data = self.data, training(self.data)
        loaded = self.load()
        other = self._other(requested)
        hard = loaded.model
        for number, hardening in enumerate(hardenings):
            hard = self._hardened(hardening, hard, loaded, scores, first=number == 0)
        self._tell(loaded, hard, other, Terminal(self.detail))
        return 0

    def _other(self, requested: str) -> Data | None:
        """Data for the accuracy that were not profiled: of --validate, or the split for tests."""
        if self.validate is not None:
            return load_data(self.validate)
        if requested == self.data:
            return None
        data = load_data(requested)
        return data if self.samples is None else data.first(min(self.samples, len(data)))

    def _hardenings(self) -> list[Hardening]:
        if not self.hardenings:
            names = ", ".join(HARDENINGS.names)
            raise InputError(
                "no hardening was given; use --with, for example --with 'Ranger()'; available: "
                f"{names}"
            )
        return [HARDENINGS.parse(text) for text in self.hardenings]

    def _scores(self) -> Scores | Analysis | None:
        """Scores from a file, or the analysis that makes them."""
        if self.scores is None:
            return None
        if Path(self.scores).is_file() or self.scores.endswith(".json"):
            return Scores.load(self.scores)
        return ANALYSES.parse(self.scores)

    def _hardened(
        self,
        hardening: Hardening,
        model: nn.Module,
        loaded: Loaded,
        scores: Scores | Analysis | None,
        *,
        first: bool,
    ) -> nn.Module:
        how = self.evaluation(loaded)
        if isinstance(scores, Analysis):
            scores = scores(model, loaded.data, **how)
        elif scores is not None and not first and scores.model != fingerprint(model):
            # Made for the model as it was: what needs scores now says so.
            scores = None
        return hardening(model, loaded.data, scores, **how)

    def _tell(
        self, loaded: Loaded, hard: nn.Module, other: Data | None, terminal: Terminal
    ) -> None:
        batch = self.batch or 100
        cost = overhead(
            hard,
            loaded.model,
            # Where values leave the profiled ranges a pass takes longer, and on the samples that
            # were profiled none does; `verify` measures on others as well.
            loaded.data if other is None else other,
            format=stored_formats(hard, self.formats()),
            call=loaded.call,
            batch=batch,
            timed=self.timed,
        )
        facts: dict[str, Any] = {"cost": cost.to_dict()}
        lines, accuracies = [], []
        if cost.time is not None:
            lines.append(f"time measured on {_timed_on(hard, loaded.data, other)}")
        for data, what in ((loaded.data, "profiled"), (other, "validate")):
            if data is None:
                continue
            pair = [self._accuracy(model, data, loaded) for model in (loaded.model, hard)]
            if pair[0] is not None and pair[1] is not None:
                name = f"fault-free accuracy, {data.name} ({len(data):,} samples)"
                lines.append(f"{name}: {percent(pair[0])} before, {percent(pair[1])} after")
                facts[f"accuracy ({what})"] = pair
                before, after = pair
                numbers = {"before": before, "after": after, "unit": "share"}
                own = {"data": data.name, "samples": len(data), "profiled": what == "profiled"}
                accuracies.append({**own, **numbers})
        # Before anything is printed: whoever reads the output may be gone after the first line.
        if self.output is not None:
            assert self.model is not None
            save(hard, self.output, base=source(self.model), facts=facts)
        terminal.say("")
        terminal.say(" then ".join(self.hardenings), "bold", always=True)
        covers = [line for record in records(hard) for line in record.lines()]
        for line in (*_added(hard), *covers):
            terminal.say(line)
        show_cost(cost, terminal)
        for line in lines:
            terminal.say(line)
        if self.output is not None:
            terminal.note_files("hardened", self.output)
        head = {"hardenings": list(self.hardenings), "covers": covers}
        terminal.finish({**head, "cost": cost.to_dict(), "accuracy": accuracies})

    def _accuracy(self, model: nn.Module, data: Data, loaded: Loaded) -> float | None:
        if data.labels is None:
            return None
        logits = fault_free_outputs(
            model,
            data,
            call=loaded.call,
            batch=self.batch or 100,
            deterministic=not self.allow_nondeterministic,
        )
        if logits.ndim != 2 or data.labels.ndim != 1:
            return None
        return float((logits.argmax(1).cpu() == data.labels.cpu()).double().mean())


def _timed_on(hard: nn.Module, profiled: Data, other: Data | None) -> str:
    """On which samples the time was measured, and what follows for those of the test."""
    if other is not None:
        return other.name
    if not any(isinstance(part, Bound | GateAccess | Edac) for _, part in parts(hard)):
        return profiled.name  # its time does not depend on the values
    return (
        f"{profiled.name}, whose values are within the bounds; radhard verify measures it on the "
        "test samples, where it may be longer"
    )


def _added(hard: nn.Module) -> list[str]:
    """What the hardenings put in, a line each."""
    sizes_of: dict[tuple[str, type[nn.Module]], list[int]] = {}
    for _, part in parts(hard):
        tensors = (*part.parameters(), *part.buffers())
        size = sum(t.numel() for t in tensors)
        sizes_of.setdefault((part.by, type(part)), []).append(size)
    if not sizes_of:
        return ["nothing was added; the model itself was changed"]
    return [
        f"added by {by}: {len(sizes):,} x {kind.__name__} ({_meaning(kind)}), "
        f"{sum(sizes):,} stored number{'' if sum(sizes) == 1 else 's'}"
        for (by, kind), sizes in sizes_of.items()
    ]


def _meaning(kind: type[nn.Module]) -> str:
    """What a part does, as its documentation begins: names alone say little to a newcomer."""
    first = (kind.__doc__ or kind.__name__).splitlines()[0].replace("`", "").rstrip(".")
    return first[:1].lower() + first[1:]
