"""How are the model and data of a command loaded?"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from radhard.cli.early import pattern_of
from radhard.cli.hardened_folder import built, is_folder, source, stored
from radhard.datasets import Data
from radhard.datasets import load as load_data
from radhard.errors import InputError
from radhard.factory import function, named
from radhard.formats import FORMATS, Format
from radhard.forward import Forward, plain
from radhard.manifest import check_manifest
from radhard.space import current
from radhard.spec import Component, Family, FrozenDict
from radhard.store import Store

__all__ = ["Loaded", "ModelAndData", "check_harmless", "said_in"]

C = TypeVar("C", bound=Component)

_MODEL_TOO = dict.fromkeys(("run", "analyze"), "add it as MODEL") | {"fit": "add it as --model"}


@dataclass(frozen=True)
class Loaded:
    """The loaded model and data."""

    model: nn.Module
    """Stored in its formats, on its device."""
    data: Data
    call: Forward


@dataclass(kw_only=True)
class ModelAndData:
    """The options with which every verb that looks at a model names it, its data and the rest."""

    model: str | None
    data: str | None
    samples: int | None
    weights: str | None
    call: str | None
    format_: tuple[str, ...]
    """Formats, each for all tensors or, as ``pattern=format``, for some."""
    seed: int | None
    batch: int | None
    threads: int
    device: str
    trust: bool
    allow_nondeterministic: bool = False
    taken: set[str] = field(default_factory=set)
    """Options that were not given, and were read from a run file or a campaign file."""

    def take(self, values: dict[str, Any]) -> None:
        """Take options that were not given from those of a run file."""
        for name, value in values.items():
            present = getattr(self, name)
            if present is None or present is False or present == ():
                setattr(self, name, value)
                self.taken.add(name)

    def fill(self, defaults: dict[str, Any]) -> None:
        """Set options without a value to their defaults."""
        for name, value in defaults.items():
            if getattr(self, name) in (None, ()):
                setattr(self, name, value)

    def check_named(self, verb: str, file: Path | None = None) -> None:
        """Check that model and data are given, and that untrusted files name no code.

        ``file``: the run file from which options were taken that were not given.

        Raises:
            InputError: they are not.
        """
        if file is not None and self.model is None:
            raise InputError(
                f"{str(file)!r} names no model, as its campaign was run from Python; "
                f"{_MODEL_TOO[verb]}: lenet5 or file.py:function"
            )
        if file is not None and self.data is None:
            raise InputError(
                f"{str(file)!r} names no data, as its campaign was run from Python; add the same "
                "data: --data mnist or --data file.py:function"
            )
        if self.model is None:
            raise InputError(
                f"no model was given; for example: radhard {verb} lenet5 --data mnist; see radhard "
                f"{verb} --help"
            )
        if self.data is None:
            raise InputError(
                f"no data were given; for example: radhard {verb} {self.model} --data mnist; see "
                f"radhard {verb} --help"
            )
        for name in ("model", "data", "call"):
            text = getattr(self, name)
            # The folder of a hardened model has a recipe, and this is what may name code.
            if name == "model" and is_folder(text):
                check_harmless(source(text), f"the recipe of {text!r}", trust=self.trust)
                continue
            # What the user typed is trusted; what a run file says is not.
            if text is None or self._trusted(name):
                continue
            check_harmless(text, "the file", trust=False)

    def load(
        self, *, one_format: bool = False, as_it_is: bool = False, again: bool = False
    ) -> Loaded:
        """The model, stored in its formats where it is not, its data, and how it is called.

        ``one_format``: there has to be one for all tensors. ``as_it_is``: the formats are not those
        of the model's tensors. ``again``: a run file has the model already, and when it was made,
        it was said where in their file the weights were found.

        Raises:
            InputError: there is nothing of that name, or it cannot be loaded.
        """
        assert self.model is not None
        assert self.data is not None
        formats = self.formats()
        if one_format and list(formats) != ["*"]:
            raise InputError(
                f"format {', '.join(self.format_)}: this command takes one format for all tensors"
            )
        call: Forward = plain if self.call is None else function(self.call)
        device = self._device()
        model, data = built(self.model, self.weights, again=again), load_data(self.data)
        data = data if self.samples is None else data.first(self.samples)
        model = model if as_it_is else stored(model, formats)
        return Loaded(model.to(device), data, call)

    def evaluation(self, loaded: Loaded) -> dict[str, Any]:
        """How the model is evaluated, as arguments that verbs of the library have in common."""
        return {
            "call": loaded.call,
            "batch": self.batch or 100,
            "seed": self.seed or 0,
            "deterministic": not self.allow_nondeterministic,
        }

    def formats(self) -> FrozenDict[str, Format]:
        """The formats by pattern over names of tensors and layers."""
        foreign, formats = self._trusted("format_"), dict[str, Format]()
        for text in self.format_:
            pattern, spec = pattern_of(text)
            if pattern in formats:
                raise InputError(f"format: the pattern {pattern!r} is given twice")
            formats[pattern] = FORMATS.parse(spec, foreign=foreign)
        return FrozenDict(formats)

    def part(self, name: str, family: Family[C]) -> C:
        """The component that an option names."""
        return family.parse(getattr(self, name), foreign=self._trusted(name))

    def parts(self, name: str, family: Family[C]) -> list[C]:
        """The components that an option names that may be repeated."""
        foreign = self._trusted(name)
        return [family.parse(text, foreign=foreign) for text in getattr(self, name)]

    def names(self, data: Data) -> dict[str, Any]:
        """The names of model and data, to be stored with the results."""
        return {
            "model": self.model,
            "data": self.data,
            "data name": data.name,
            "first samples": self.samples,
            "weights": self.weights,
            "call": self.call,
        }

    def _trusted(self, name: str) -> bool:
        return self.trust or name not in self.taken

    def _device(self) -> torch.device:
        try:
            device = torch.device(self.device)
        except RuntimeError:
            raise InputError(
                f"--device {self.device!r} is no device of torch; give cpu, cuda, cuda:1 or mps"
            ) from None
        if device.type == "cuda" and not torch.cuda.is_available():
            raise InputError(
                f"--device {self.device!r}: this machine or torch build has no CUDA; give cpu"
            )
        if device.type == "meta":
            raise InputError(f"--device {self.device!r} cannot compute; use cpu or cuda")
        try:
            # Whether a device is there shows only when it is used.
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError, ImportError) as error:
            raise InputError(f"--device {self.device!r}: {str(error).splitlines()[0]}") from None
        return device


def said_in(path: Path) -> dict[str, Any]:
    """The options of the run in a file.

    Raises:
        InputError: no such file, or its manifest cannot be read.
    """
    with Store(path) as file:
        if file.empty:
            raise InputError(f"{str(path)!r} contains no run yet")
        manifest = file.manifest()
    check_manifest(manifest)
    terms = current(manifest["space"])["terms"]
    if len(terms) > 1:
        raise InputError(
            f"{str(path)!r} has a fault space that is a sum of {len(terms)} spaces, which the "
            "command line does not support; use Python instead: radhard.run, radhard.verify"
        )
    (term,) = terms
    if "words" in term:
        raise InputError(
            f"{str(path)!r} has a fault space with masks of words, which the command line does not "
            "support; use Python instead: radhard.run, radhard.verify"
        )
    if "exposure" in term:
        raise InputError(
            f"{str(path)!r} has faults with the exposure {term['exposure']}, which the command "
            "line does not support; call radhard.run or radhard.verify from Python instead"
        )
    options = {
        "model": manifest.get("model"),
        "data": manifest.get("data"),
        "weights": manifest.get("weights"),
        "call": manifest.get("call"),
        "samples": manifest.get("first samples"),
        "batch": manifest.get("batch"),
        "target": tuple(term["targets"]),
        "fault": tuple(term["faults"]),
        "plane": tuple(term["planes"]),
        "format_": tuple(
            text if pattern == "*" else f"{pattern}={text}" for pattern, text in term["formats"]
        ),
        "sampler": manifest["sampler"],
        "metric": tuple(manifest["metrics"]),
        "seed": manifest["seed"],
        "allow_nondeterministic": manifest.get("deterministic") is False,
    }
    kinds = {**dict.fromkeys(("model", "data", "weights", "call"), str), "samples": int}
    for name, kind in {**kinds, "batch": int}.items():
        if options[name] is not None and type(options[name]) is not kind:
            raise InputError(
                f"{str(path)!r} cannot be read: its manifest has {name}={options[name]!r}"
            )
    return options


def check_harmless(text: str, where: str, *, trust: bool) -> None:
    """Check that the model or data named in a file runs no foreign code.

    Raises:
        InputError: it does, and nobody said that the file is to be trusted.
    """
    if not trust and (text.strip().endswith(".pt2") or named(text)[0] is not None):
        raise InputError(
            f"{where} names code outside radhard, {text!r}, which is not run unless you allow it; "
            "if you trust the file, add --trust"
        )
