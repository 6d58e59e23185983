"""Which faults are there?"""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from torch import nn

from radhard.arguments import component_of, components_of, demand_function
from radhard.datasets.data import Data
from radhard.errors import InputError, RadhardWarning
from radhard.faults import FAULTS, FaultModel
from radhard.formats import FORMATS, Format
from radhard.forward import plain
from radhard.module import usable_module
from radhard.storage import fitted
from radhard.targets import TARGETS, Forward, Site, Strike, Target
from radhard.targets.patterns import reasons

__all__ = ["Fault", "FaultSpace", "Numbers"]

Numbers = npt.NDArray[np.int64]

_RECURRENT = ("LSTM", "GRU", "RNN")
"""Classes of layers whose first output holds every step."""


@dataclass(frozen=True)
class Fault:
    """One fault: variant ``variant`` of the fault model strikes word ``word`` of tensor ``tensor``.

    ``word`` counts the words of the site in row-major order (samples first where they are told
    apart).
    """

    tensor: str
    word: int
    variant: int


class FaultSpace(Sequence[Fault]):
    """Every fault that can happen, numbered; a lazy sequence that holds none of them.

    Numbers run tensor by tensor, word by word, variant by variant: ``space[number]`` is the fault,
    ``space.index(fault)`` the number. Memory does not grow with ``len(space)``.
    """

    def __init__(
        self,
        sites: Sequence[Site],
        fault: FaultModel,
        format: Format,
        *,
        targets: Sequence[Target],
        fitted: Sequence[Format] | None = None,
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        self.sites = tuple(sites)
        self.fault = fault
        self.format = format
        self.targets = tuple(targets)
        self.fitted = tuple(fitted) if fitted is not None else (format,) * len(self.sites)
        """The format as it holds each site: with the scale of the tensor where it has one."""
        self.left_out = dict(left_out or {})
        """Tensors that a target means but in which no fault can be injected, each with why."""
        self.variants = fault.variants(format)
        """Faults per word."""
        self.words: Numbers = np.array([site.words for site in self.sites], dtype=np.int64)
        """Words per site."""
        self.starts: Numbers = np.concatenate([[0], np.cumsum(self.words)]).astype(np.int64)
        """Number of the first word of each site; the last entry is the number of words."""
        self._places = {
            name: place
            for place, site in enumerate(self.sites)
            for name in (site.name, *site.aliases)
        }

    @classmethod
    def of(
        cls,
        model: nn.Module,
        target: Target | str | Sequence[Target | str],
        fault: FaultModel | str,
        format: Format | str,
        *,
        data: Any = None,
        call: Forward = plain,
    ) -> "FaultSpace":
        """The faults of a model: where (one target or several), what happens, how words are stored.

        Components may be given as text, as on the command line. ``data`` is needed by targets
        whose tensors flow (`Activations`, `Inputs`); ``call`` by models that do not return one
        tensor. Tensors that a pattern means but that hold no plain floating-point words are in
        `left_out`, of which a `RadhardWarning` tells.

        Raises:
            InputError: a pattern matches nothing, two targets share a tensor, or the model's
                tensors do not hold values of the format (`stored_as` makes a model that does).
        """
        model = usable_module(model)
        targets = components_of(target, TARGETS, "target")
        fault = _fault_model(fault)
        format = component_of(format, FORMATS, "format")
        demand_function(call, "call")
        inputs = None if data is None else Data.of(data).inputs
        if inputs is not None:
            device = next((t.device for t in (*model.parameters(), *model.buffers())), None)
            inputs = Data.of(data).to(device).inputs if device is not None else inputs
        sites = [site for one in targets for site in one.sites(model, inputs, call)]
        for name, times in Counter(site.name for site in sites).items():
            if times > 1:
                raise InputError(f"{name!r} is reached by more than one of the targets {targets}")
        held = [fitted(format, model, site) for site in sites]
        left = {name: why for one in targets for name, why in one.left_out(model).items()}
        space = cls(sites, fault, format, targets=targets, fitted=held, left_out=left)
        if left:
            warnings.warn(space.remarks()[0], RadhardWarning, stacklevel=2)
        return space

    def __len__(self) -> int:
        return int(self.starts[-1]) * self.variants

    @overload
    def __getitem__(self, number: int) -> Fault: ...
    @overload
    def __getitem__(self, number: slice) -> list[Fault]: ...
    def __getitem__(self, number: int | slice) -> Fault | list[Fault]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(f"fault {number} of a space of {len(self)}")
        word, variant = divmod(int(number) % len(self), self.variants)
        place = int(np.searchsorted(self.starts, word, side="right")) - 1
        return Fault(self.sites[place].name, word - int(self.starts[place]), variant)

    def __iter__(self) -> Iterator[Fault]:
        return (self[number] for number in range(len(self)))

    def __contains__(self, fault: object) -> bool:
        return isinstance(fault, Fault) and self._number(fault) is not None

    def index(self, fault: Fault, start: int = 0, stop: int | None = None) -> int:
        """The number of a fault.

        Raises:
            InputError: the fault is not in the space.
        """
        number = self._number(fault)
        if number is None or number not in range(len(self))[start:stop]:
            raise InputError(f"{fault} is not in the space")
        return number

    def count(self, fault: Fault) -> int:
        """1 if the fault is in the space, else 0."""
        return int(fault in self)

    def __repr__(self) -> str:
        target = " + ".join(map(repr, self.targets))
        left = f", without {reasons(self.left_out)}" if self.left_out else ""
        return f"<{len(self):,} faults: {self.fault!r} in {target} stored as {self.format!r}{left}>"

    def demand_samples(self, count: int) -> None:
        """Raise `InputError` unless the space was made for as many samples, or for any."""
        for site in self.sites:
            if site.samples is not None and site.samples != count:
                raise InputError(
                    f"the fault space was made for {site.samples} samples, the data has {count}; "
                    "make the space with the same data"
                )

    def remarks(self) -> list[str]:
        """What a reader of results should know of what this space holds, in sentences."""
        found = []
        if self.left_out:
            found.append(f"Left out, as no fault can be injected there: {reasons(self.left_out)}.")
        steps = [
            site.name
            for site in self.sites
            if site.role == "activation" and site.kind in _RECURRENT and site.name.endswith(":0")
        ]
        if steps:
            found.append(
                f"{', '.join(steps)}: a fault in the output of a recurrent layer at one step is "
                "seen by what reads that output, not by later steps of the layer, which have "
                "computed with the fault-free hidden state."
            )
        return found

    def place(self, tensor: str) -> int:
        """The position in `sites` of the tensor with this name."""
        if tensor not in self._places:
            raise InputError(f"{tensor!r} is not in the space; it has {', '.join(self._places)}")
        return self._places[tensor]

    def locate(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Position in `sites`, word within the site, and variant of many faults at once."""
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise InputError(f"fault numbers run from 0 to {len(self) - 1}")
        words, variants = np.divmod(numbers, self.variants)
        places = np.searchsorted(self.starts, words, side="right") - 1
        return places, words - self.starts[places], variants

    def describe(self, fault: Fault | int) -> str:
        """A fault in words: ``conv1.weight[3, 0, 1, 2] bit 30 (exponent)``."""
        fault = fault if isinstance(fault, Fault) else self[fault]
        site = self.sites[self.place(fault.tensor)]
        where, sample = self.coordinates(fault)
        bits = self.fault.struck(fault.variant, self.format)
        fields = dict.fromkeys(self.format.field(bit) for bit in bits)
        text = f"{site.name}{list(where)} bit {'+'.join(map(str, bits))} ({'+'.join(fields)})"
        return text if sample is None else f"{text} of sample {sample}"

    def coordinates(self, fault: Fault) -> tuple[tuple[int, ...], int | None]:
        """Where in the tensor a fault lies, and in which sample (None: stored, or every sample)."""
        site = self.sites[self.place(fault.tensor)]
        shape = site.shape if site.samples is None else (site.samples, *site.shape)
        where = tuple(int(i) for i in np.unravel_index(fault.word, shape)) if shape else ()
        return (where, None) if site.samples is None else (where[1:], where[0])

    def reach(self, model: nn.Module, place: int, strike: Strike) -> AbstractContextManager[None]:
        """While open, the tensor at this position in `sites` is struck."""
        site = self.sites[place]
        target = next(target for target in self.targets if target.role == site.role)
        return target.reach(model, site, strike)

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, enough to rebuild it without the model."""
        left = {"left out": self.left_out} if self.left_out else {}
        return {
            **left,
            "targets": [repr(target) for target in self.targets],
            "fault": repr(self.fault),
            "format": repr(self.format),
            "sites": [asdict(site) for site in self.sites],
            "scales": [held.scales() for held in self.fitted],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any], *, foreign: bool = False) -> "FaultSpace":
        """The space that `to_dict` gave; components of other packages only if ``foreign``."""
        format = FORMATS.parse(plain["format"], foreign=foreign)
        sites = [
            Site(**{**site, "shape": tuple(site["shape"]), "aliases": tuple(site["aliases"])})
            for site in plain["sites"]
        ]
        return cls(
            sites,
            FAULTS.parse(plain["fault"], foreign=foreign),
            format,
            targets=[TARGETS.parse(t, foreign=foreign) for t in plain["targets"]],
            fitted=[format.scaled(scale) for scale in plain["scales"]],
            left_out={str(name): str(why) for name, why in plain.get("left out", {}).items()},
        )

    def _number(self, fault: Fault) -> int | None:
        if not all(isinstance(n, int | np.integer) for n in (fault.word, fault.variant)):
            return None
        place = self._places.get(fault.tensor)
        if place is None or not 0 <= fault.variant < self.variants:
            return None
        if not 0 <= fault.word < self.words[place]:
            return None
        return (int(self.starts[place]) + fault.word) * self.variants + fault.variant


def _fault_model(fault: Any) -> FaultModel:
    if isinstance(fault, list | tuple):
        raise InputError(
            f"{len(fault)} fault models were given, and a space has one; make a space for each and "
            "run one campaign after another"
        )
    return component_of(fault, FAULTS, "fault")
