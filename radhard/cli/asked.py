"""How does a command line become a campaign?"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from rich.console import Console
from torch import nn

from radhard.campaign import faultless, run
from radhard.cli.console import show_results
from radhard.datasets import Data
from radhard.datasets import load as load_data
from radhard.engines import Engine
from radhard.errors import InputError
from radhard.factory import function, named
from radhard.faults import FaultModel
from radhard.formats import Format, is_stored_as, stored_as
from radhard.forward import plain
from radhard.manifest import demand_sound
from radhard.metrics import Metric
from radhard.models import load as load_model
from radhard.results import Results
from radhard.samplers import Sampler
from radhard.space import FaultSpace
from radhard.spec import Component, parse
from radhard.stats import percent
from radhard.store import Store
from radhard.targets import Forward, Target

__all__ = ["Asked"]

C = TypeVar("C", bound=Component)

_DEFAULTS: dict[str, Any] = {
    "target": ("Weights('*')",),
    "fault": "BitFlip()",
    "format_": "Float32()",
    "sampler": "PerTensor(n=400)",
    "seed": 0,
    "batch": 100,
}


@dataclass
class Asked:
    """The options of ``radhard run``, as given."""

    model: str | None
    data: str | None
    samples: int | None
    weights: str | None
    call: str | None
    target: tuple[str, ...]
    fault: str | None
    format_: str | None
    sampler: str | None
    metric: tuple[str, ...]
    engine: str | None
    seed: int | None
    store: Path | None
    origin: Path | None
    trust: bool
    batch: int | None
    threads: int
    workers: int
    audit: float
    device: str
    report: Path | None
    max_rate: float | None
    allow_nondeterministic: bool
    taken: set[str] = field(default_factory=set)
    """Options that were not given, and that the run file answered."""

    def carry_out(self) -> int:
        """Run the campaign, show it, and return the exit code."""
        torch.set_num_threads(self.threads)
        if self.origin is not None:
            self._take(said_in(self.origin))
        for name, value in _DEFAULTS.items():
            if getattr(self, name) in (None, ()):
                setattr(self, name, value)
        console = Console()
        try:
            results = self._results()
        except KeyboardInterrupt:
            self._tell_how_to_go_on(console)
            raise
        show_results(results, console)
        if self.store is not None:
            console.print(f"run file: {self.store}", soft_wrap=True, highlight=False)
        if self.report is not None:
            from radhard.report import write

            for path in write(results, self.report, store=self.store):
                console.print(f"report:   {path}", soft_wrap=True, highlight=False)
        return self._verdict(results, console)

    def _results(self) -> Results:
        if self.model is None:
            raise InputError(
                "name a model: radhard run lenet5 --data mnist; see radhard run --help"
            )
        if self.data is None:
            raise InputError(f"name the data: radhard run {self.model} --data mnist; see --help")
        self._demand_trust()
        format = self._part("format_", Format)  # type: ignore[type-abstract]
        fault = self._part("fault", FaultModel)  # type: ignore[type-abstract]
        sampler = self._part("sampler", Sampler)  # type: ignore[type-abstract]
        targets = self._parts("target", Target)  # type: ignore[type-abstract]
        metrics = self._parts("metric", Metric)  # type: ignore[type-abstract]
        engine: Engine | Literal["auto"] = "auto"
        if self.engine not in (None, "auto"):
            engine = self._part("engine", Engine)  # type: ignore[type-abstract]
        call: Forward = plain if self.call is None else function(self.call)
        device = self._device()
        model, data = load_model(self.model, weights=self.weights), load_data(self.data)
        data = data if self.samples is None else data.first(self.samples)
        model = _stored(model, format).to(device)
        # The model is asked here first where values that flow are struck.
        asks = faultless(call)
        space = FaultSpace.of(model, targets, fault, format, data=data, call=asks)
        return run(
            model,
            data,
            space,
            sampler,
            metrics=metrics or None,
            seed=self.seed or 0,
            store=self.store,
            engine=engine,
            call=call,
            batch=self.batch or 100,
            deterministic=not self.allow_nondeterministic,
            names=self._names(data),
            workers=self.workers,
            audit=self.audit,
        )

    def _part(self, name: str, family: type[C]) -> C:
        return parse(getattr(self, name), family, foreign=self._trusted(name))

    def _parts(self, name: str, family: type[C]) -> list[C]:
        foreign = self._trusted(name)
        return [parse(text, family, foreign=foreign) for text in getattr(self, name)]

    def _trusted(self, name: str) -> bool:
        return self.trust or name not in self.taken

    def _demand_trust(self) -> None:
        """What a run file names is not run on its word; what the user names is."""
        for name in ("model", "data", "call"):
            text = getattr(self, name)
            if text is None or self._trusted(name):
                continue
            if text.strip().endswith(".pt2") or named(text)[0] is not None:
                raise InputError(
                    f"the run file names code of its own, {text!r}, which is not run on the word "
                    "of a file; if you know it, add --trust"
                )

    def _device(self) -> torch.device:
        try:
            device = torch.device(self.device)
        except RuntimeError as error:
            raise InputError(f"--device {self.device!r}: {str(error).splitlines()[0]}") from None
        if device.type == "cuda" and not torch.cuda.is_available():
            raise InputError(f"--device {self.device!r}: this machine or torch build has no CUDA")
        if device.type == "meta":
            raise InputError(f"--device {self.device!r} computes nothing; try cpu")
        try:
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError, ImportError) as error:
            raise InputError(f"--device {self.device!r}: {str(error).splitlines()[0]}") from None
        return device

    def _names(self, data: Data) -> dict[str, Any]:
        return {
            "model": self.model,
            "data": self.data,
            "data name": data.name,
            "first samples": self.samples,
            "weights": self.weights,
            "call": self.call,
        }

    def _take(self, values: dict[str, Any]) -> None:
        """Fill in what was not given with what a run file says."""
        for name, value in values.items():
            given = getattr(self, name)
            if given is None or given is False or given == ():
                setattr(self, name, value)
                self.taken.add(name)

    def _tell_how_to_go_on(self, console: Console) -> None:
        if self.store is None or not self.store.exists():
            console.print("interrupted; nothing is kept without --store")
            return
        with Store(self.store) as file:
            done = 0 if file.empty else len(file.done())
        console.print(
            f"interrupted: {done:,} trials are in {self.store}; "
            "the same command, or --from with the same --store, continues",
            soft_wrap=True,
            highlight=False,
        )

    def _verdict(self, results: Results, console: Console) -> int:
        if self.max_rate is None:
            return 0
        missed = []
        for group, rate in results.estimates(results.headline, results.usual_split, 0.95).items():
            if rate.high > self.max_rate:
                missed.append(f"{group + ': ' if group else ''}{rate}")
        if missed:
            console.print(
                f"not surely below {percent(self.max_rate)}: {'; '.join(missed)}",
                soft_wrap=True,
                highlight=False,
            )
        return 1 if missed else 0


def said_in(path: Path) -> dict[str, Any]:
    """The options that would ask for the run in a file.

    Raises:
        InputError: no such file, or its manifest cannot be read.
    """
    with Store(path) as file:
        if file.empty:
            raise InputError(f"{str(path)!r} holds no run yet")
        manifest = file.manifest()
    demand_sound(manifest)
    options = {
        "model": manifest.get("model"),
        "data": manifest.get("data"),
        "weights": manifest.get("weights"),
        "call": manifest.get("call"),
        "samples": manifest.get("first samples"),
        "batch": manifest.get("batch"),
        "target": tuple(manifest["space"]["targets"]),
        "fault": manifest["space"]["fault"],
        "format_": manifest["space"]["format"],
        "sampler": manifest["sampler"],
        "metric": tuple(manifest["metrics"]),
        "seed": manifest["seed"],
        "allow_nondeterministic": manifest.get("deterministic") is False,
    }
    kinds = {**dict.fromkeys(("model", "data", "weights", "call"), str), "samples": int}
    for name, kind in {**kinds, "batch": int}.items():
        if options[name] is not None and type(options[name]) is not kind:
            raise InputError(f"{str(path)!r}: its manifest says {name}={options[name]!r}")
    return options


def _stored(model: nn.Module, format: Format) -> nn.Module:
    tensors = [t for t in (*model.parameters(), *model.buffers()) if t.is_floating_point()]
    held = all(is_stored_as(tensor, format) for tensor in tensors)
    return model if held else stored_as(model, format)
