"""How are all possible faults numbered?"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, overload

import numpy as np
from torch import nn

from radhard.arguments import check_function
from radhard.errors import InputError, RadhardWarning
from radhard.faults import FaultModel
from radhard.formats import Float32, Format
from radhard.forward import Forward, plain
from radhard.models import load
from radhard.module import usable_module
from radhard.notes import Note
from radhard.space.exposure import Exposure
from radhard.space.fault import Fault
from radhard.space.fault_wording import coordinates, describe, region_name
from radhard.space.numbering import Numbering
from radhard.space.region import Numbers, Region, check_one_format
from radhard.space.term import Term, current
from radhard.spec import FrozenDict
from radhard.targets import Site, Target, TensorFaults
from radhard.workload import Workload

__all__ = ["FaultSpace", "Numbers"]

_RECURRENT = ("LSTM", "GRU", "RNN")
"""Classes of layers whose first output contains every step."""


class FaultSpace(Sequence[Fault]):
    """All possible faults, numbered; a lazy sequence that stores none of them.

    Numbers run region by region, word by word, variant by variant: ``space[number]`` is the fault,
    ``space.index(fault)`` the number. Memory does not grow with ``len(space)``. ``space | other``
    contains the faults of both: first those of ``space``, then those of ``other``.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = tuple(terms)
        """The arguments of the calls of `of` whose sum this space is."""
        # In this order for good: the numbers of faults in run files refer to it.
        self.regions = tuple(region for term in self.terms for region in term.regions())
        check_one_format(self.regions)
        self.sites = tuple(region.site for region in self.regions)
        """The tensor of each region."""
        self._numbering = Numbering(self.regions)
        self.words = self._numbering.words
        """Words per region."""
        self.variants = self._numbering.variants
        """Faults per word, for each region."""
        self.starts = self._numbering.starts
        """Number of the first fault of each region; the last entry is the number of faults."""
        self.word_starts = self._numbering.word_starts
        """Number of the first word of each region; the last entry is the number of words."""
        self.variant_starts = self._numbering.variant_starts
        """Number of the first variant of each region, with the variants of all regions numbered."""
        self._places: dict[str, list[int]] = {}
        for place, site in enumerate(self.sites):
            # A tied tensor is found by each of its names.
            for name in dict.fromkeys((site.name, *site.aliases)):
                self._places.setdefault(name, []).append(place)
        self.tensors: Numbers = np.array(
            [self._places[site.name][0] for site in self.sites], dtype=np.int64
        )
        """Position of the first region of the same tensor, for each region."""

    @classmethod
    def of(
        cls,
        model: nn.Module | str,
        target: Target | str | Sequence[Target | str] = "Weights('*')",
        fault: FaultModel | str | Sequence[FaultModel | str] = "BitFlip()",
        format: Format | str | Mapping[str, Format | str] = "Float32()",
        *,
        planes: str | Iterable[str] | None = None,
        words: Mapping[str, Any] | None = None,
        exposure: Exposure | str | None = None,
        data: Any = None,
        call: Forward = plain,
    ) -> "FaultSpace":
        """The faults of a model: one or several targets, fault models and formats.

        By default one flipped bit in a weight in ``Float32``. Components may be given as text, as
        on the command line. Formats may differ by tensor: ``{"fc*": Int(8), "*": Float32()}``; the
        first pattern that matches the name of the tensor
        or of its layer counts. ``planes``: the words of a tensor that may be faulty: its
        ``"codes"``, its ``"scale"`` (of stored tensors in formats with a scale, such as ``Int``: a
        ``Float32`` word for the tensor or for each channel), its ``"check"`` bits (of formats that
        store them apart, such as ``SecDed(Int(8), block=8)``), or several; by default the codes
        and the check bits. ``words``: a mask of bool for each tensor, to include only some of its
        values; others may be added in another format: ``space | FaultSpace.of(...)``. ``exposure``:
        how long the faults are present, if not as usual: ``Intermittent(0.1)``. ``data`` is
        required by targets whose tensors flow (`Activations`, `Inputs`); ``call`` by models that do
        not return one tensor. Tensors that match a pattern but do not consist of plain
        floating-point words are listed in `left_out`, with a `RadhardWarning`; so is a space that
        has only outputs of recurrent layers, whose later steps do not see the faults.

        Raises:
            InputError: a pattern matches nothing, two targets select the same tensor, no format is
                given for a tensor, or the model's tensors do not contain values of the format
                (`stored_as` makes a model that does).
        """
        workload = _workload(model, data, call)
        term = Term.of(
            workload, target, fault, format, planes=planes, words=words, exposure=exposure
        )
        space = cls([term])
        # Where outputs of recurrent layers are some of many activations, the notes of a run say
        # what a fault in them means; where they are all, its state may be meant.
        recurrent = {site.kind for site in space.sites} <= set(_RECURRENT)
        for note in space.notes():
            if note.kind == "left out" or recurrent:
                warnings.warn(str(note), RadhardWarning, stacklevel=2)
        return space

    @classmethod
    def of_sites(
        cls, sites: Sequence[Site], fault: FaultModel, format: Format, *, targets: Sequence[Target]
    ) -> "FaultSpace":
        """The faults in some sites, of one fault model and one format without a scale."""
        held = (format,) * len(sites)
        one = FrozenDict({"*": format})
        return cls([Term(tuple(targets), (fault,), one, tuple(sites), held)])

    def again(self, model: nn.Module, *, data: Any = None, call: Forward = plain) -> "FaultSpace":
        """The same targets, fault models, formats and planes in another model.

        Raises:
            InputError: as of `of`.
        """
        workload = _workload(model, data, call)
        return FaultSpace(
            [
                Term.of(
                    workload,
                    one.targets,
                    one.faults,
                    one.formats,
                    planes=one.planes,
                    words=one.words,
                    exposure=one.exposure,
                )
                for one in self.terms
            ]
        )

    def __or__(self, other: "FaultSpace") -> "FaultSpace":
        if not isinstance(other, FaultSpace):
            return NotImplemented
        return FaultSpace((*self.terms, *other.terms))

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets of all terms, each once."""
        return tuple({repr(t): t for term in self.terms for t in term.targets}.values())

    @property
    def faults(self) -> tuple[FaultModel, ...]:
        """The fault models, each once."""
        return tuple({repr(region.fault): region.fault for region in self.regions}.values())

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats of tensors, each once."""
        return tuple({repr(region.format): region.format for region in self.regions}.values())

    @property
    def planes(self) -> tuple[str, ...]:
        """The planes, each once."""
        return tuple(dict.fromkeys(region.plane for region in self.regions))

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """How long faults are there, each once."""
        return tuple(dict.fromkeys(region.exposure for region in self.regions))

    @property
    def formats_by_pattern(self) -> FrozenDict[str, Format]:
        """The formats of stored tensors by pattern, as `radhard.stored_as` takes them."""
        # Registers do not determine how tensors are stored.
        plain: FrozenDict[str, Format] = FrozenDict({"*": Float32()})
        given = [
            plain if all(site.role == "register" for site in term.sites) else term.formats
            for term in self.terms
        ]
        if all(formats == given[0] for formats in given):
            return given[0]
        # Patterns of several terms may contradict each other; exact names come before any pattern.
        exact = {r.site.name: r.format for r in self.regions if not r.site.flows}
        return FrozenDict({**exact, **given[0]})

    @property
    def left_out(self) -> dict[str, str]:
        """Tensors that a target means but in which no fault can be injected, each with why."""
        return {name: why for term in self.terms for name, why in term.left_out.items()}

    def __len__(self) -> int:
        return len(self._numbering)

    @overload
    def __getitem__(self, number: int) -> Fault: ...
    @overload
    def __getitem__(self, number: slice) -> list[Fault]: ...
    def __getitem__(self, number: int | slice) -> Fault | list[Fault]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        if not isinstance(number, int | np.integer):
            raise InputError(
                f"space[{number!r}]: give the number of a fault, from 0 to {len(self) - 1}; "
                "space.index(fault) is the number of a Fault"
            )
        if not -len(self) <= number < len(self):
            raise IndexError(f"fault {number} of a space of {len(self)}")
        places, words, variants = self.locate(np.array([int(number) % len(self)]))
        return self.fault(int(places[0]), int(words[0]), int(variants[0]))

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
        return f"<{len(self):,} faults: {' | '.join(map(repr, self.terms))}>"

    def check_samples(self, count: int) -> None:
        """Raise `InputError` unless the space was made for this number of samples, or for any."""
        for site in self.sites:
            if site.samples is not None and site.samples != count:
                raise InputError(
                    f"the fault space was made for {site.samples} samples, the data has {count}; "
                    "make the space with the same data"
                )

    def notes(self) -> list[Note]:
        """What a reader of the results should know about this space."""
        notes = []
        if self.left_out:
            covered = len({site.layer for site in self.sites})
            notes.append(Note("left out", {"tensors": dict(self.left_out), "covered": covered}))
        steps = [
            site.name
            for site in dict.fromkeys(self.sites)
            if site.role == "activation" and site.kind in _RECURRENT and site.name.endswith(":0")
        ]
        if steps:
            notes.append(Note("recurrent outputs", {"tensors": steps}))
        return notes

    def place(self, tensor: str) -> int:
        """The position in `regions` of the first region of the tensor with this name."""
        if tensor not in self._places:
            raise InputError(f"{tensor!r} is not in the space; it has {', '.join(self._places)}")
        return self._places[tensor][0]

    def name(self, place: int) -> str:
        """A unique name of a region: the name of its tensor, if the tensor has no other region."""
        return region_name(self.regions[place], self._others(place))

    def locate(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Position in `regions`, word within the region, and variant of each of many faults.

        The word is its position in the tensor if the region covers only some of the values.
        """
        return self._numbering.locate(numbers)

    def affected(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Every word that some faults affect: region, word and variant, and which of the faults.

        As `locate`, with all words of the faults that affect several (`FaultModel.span`).
        """
        return self._numbering.affected(numbers)

    def word_numbers(self, numbers: Numbers) -> Numbers:
        """The number of the word of each of many faults, counted over all regions."""
        return self._numbering.word_numbers(numbers)

    def fault(self, place: int, word: int, variant: int) -> Fault:
        """The fault in a word of the region at a position in `regions`."""
        name = self.sites[place].name
        return Fault(name, word, variant, self._places[name].index(place))

    def describe(self, fault: Fault | int) -> str:
        """A fault in words: ``conv1.weight[3, 0, 1, 2] bit 30 (exponent)``."""
        fault = fault if isinstance(fault, Fault) else self[fault]
        place = self._place(fault)
        return describe(self.regions[place], self._others(place), fault.word, fault.variant)

    def coordinates(self, fault: Fault) -> tuple[tuple[int, ...], int | None]:
        """The index of a fault in its plane, and its sample (None: stored, or every sample)."""
        return coordinates(self.regions[self._place(fault)], fault.word)

    def reach(
        self, model: nn.Module, place: int, faults: TensorFaults
    ) -> AbstractContextManager[None]:
        """While open, the tensor at this position in `regions` is faulty."""
        region = self.regions[place]
        return region.target.reach(model, region.site, faults)

    def to_dict(self) -> dict[str, Any]:
        """The space as plain values, sufficient to rebuild it without the model."""
        return {"terms": [term.to_dict() for term in self.terms]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], *, foreign: bool = False) -> "FaultSpace":
        """The space from `to_dict`; components of other packages only if ``foreign``."""
        terms = current(plain)["terms"]
        return cls([Term.from_dict(term, foreign=foreign) for term in terms])

    def _others(self, place: int) -> list[Region]:
        """All regions of the same tensor as a region, except itself."""
        places = self._places[self.sites[place].name]
        return [self.regions[other] for other in places if other != place]

    def _place(self, fault: Fault) -> int:
        """The position in `regions` of a fault's region."""
        self.place(fault.tensor)
        places = self._places[fault.tensor]
        if not 0 <= fault.region < len(places):
            raise InputError(f"{fault} is not in the space")
        return places[fault.region]

    def _number(self, fault: Fault) -> int | None:
        counts = (fault.word, fault.variant, fault.region)
        # A membership test must not fail on a fault of other types, as lists do not either.
        if not all(isinstance(n, int | np.integer) for n in counts):
            return None
        places = self._places.get(fault.tensor, [])
        if not 0 <= fault.region < len(places):
            return None
        return self._numbering.number(places[fault.region], int(fault.word), int(fault.variant))


def _workload(model: nn.Module | str, data: Any, call: Forward) -> Workload:
    """The workload from the arguments of users; without data for targets that need none."""
    model = load(model) if isinstance(model, str) else model
    if data is not None:
        return Workload.of(model, data, call=call)
    check_function(call, "call")
    return Workload(usable_module(model), call=call)
