"""Which words of a region belong to which gate, or to which time step?"""

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radhard.space import FaultSpace, Numbers
from radhard.space.region import Region
from radhard.targets import Site

__all__ = ["FaultKinds", "WordSections"]

_GATES = {"LSTM": "ifgo", "GRU": "rzn"}
"""The gates by the end of the class name, in the order of their rows (also of stepwise layers)."""

_WEIGHT = re.compile(r"(?:.*\.)?(?:weight|bias)_(?:ih|hh)(?:_l\d+(?:_reverse)?)?(?:\.original)?")

_GATE = re.compile(r"(?:.*\.)?gates\.(\w)_l\d+(?:_reverse)?(?:@\d+)?")
"""The module of a gate of a stepwise layer, in the name of its activations."""


@dataclass(frozen=True)
class WordSections:
    """The words of a region, divided by something that is not the same for all of them."""

    region: Region
    by: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The sections, in order; one for all words if they are not divided."""
        return _SECTIONS[self.by](self.region.site)

    def of(self, positions: Numbers) -> Numbers:
        """The number of the section of each word, given by its position in the tensor."""
        # All sections are blocks of rows of one size; samples come before the rows.
        size = math.prod(self.region.shape)
        found: Numbers = positions % size // (size // len(self.names))
        return found

    def counts(self, low: int, high: int) -> list[int]:
        """How many of the words from ``low`` to ``high``, both included, are in each section."""
        if len(self.names) == 1:
            return [high - low + 1]
        many = len(self._of_sample)

        def until(end: int) -> Numbers:
            samples, rest = divmod(end, many)
            partial = np.bincount(self._of_sample[:rest], minlength=len(self.names))
            counts: Numbers = samples * self._whole + partial
            return counts

        counts: list[int] = (until(high + 1) - until(low)).tolist()
        return counts

    @cached_property
    def _of_sample(self) -> Numbers:
        """The section of every word of the first sample, after which they repeat."""
        words = np.arange(self.region.words // (self.region.site.samples or 1))
        return self.of(self.region.positions_of(words))

    @cached_property
    def _whole(self) -> Numbers:
        return np.bincount(self._of_sample, minlength=len(self.names))


@dataclass(frozen=True)
class FaultKinds:
    """Faults that no grouping tells apart: one variant in one section of a region.

    They are numbered by region, section and variant.
    """

    space: FaultSpace
    parts: list[list[WordSections]]
    """One for each grouping that divides words, of each region."""

    @classmethod
    def of(cls, space: FaultSpace, by: Collection[str]) -> "FaultKinds":
        """The kinds of the faults of a space, for some groupings."""
        dividing = [name for name in _SECTIONS if name in by]
        return cls(space, [[WordSections(r, name) for name in dividing] for r in space.regions])

    @cached_property
    def counts(self) -> list[tuple[int, ...]]:
        """The numbers of sections of each region, for each grouping that divides it."""
        return [tuple(len(part.names) for part in parts) for parts in self.parts]

    @cached_property
    def starts(self) -> Numbers:
        """The first kind of every region."""
        many = [
            math.prod(n) * int(v) for n, v in zip(self.counts, self.space.variants, strict=True)
        ]
        return np.cumsum([0, *many])

    @property
    def word_starts(self) -> Numbers:
        """The first kind of every section, and the number of kinds."""
        found = [
            int(start) + at * int(variants)
            for start, count, variants in zip(
                self.starts, self.counts, self.space.variants, strict=False
            )
            for at in range(math.prod(count))
        ]
        return np.array([*found, self.starts[-1]], dtype=np.int64)

    def kinds(self, places: Numbers, words: Numbers, variants: Numbers) -> Numbers:
        """The kinds of some faults, whose words are positions in their tensors."""
        sections = np.zeros_like(places)
        for place, parts in enumerate(self.parts):
            # No grouping divides most regions.
            if any(len(part.names) > 1 for part in parts):
                rows = np.flatnonzero(places == place)
                for part in parts:
                    sections[rows] = sections[rows] * len(part.names) + part.of(words[rows])
        numbers: Numbers = self.starts[places] + sections * self.space.variants[places] + variants
        return numbers

    def sizes(self, place: int, variant: int, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Kind and number of the faults of one variant in a range of words of a region."""
        dividing = [part for part in self.parts[place] if len(part.names) > 1]
        start, variants = int(self.starts[place]) + variant, int(self.space.variants[place])
        # Gates divide weights, steps divide states: no region is divided by both.
        counts = dividing[0].counts(low, high) if dividing else [high - low + 1]
        for section, size in enumerate(counts):
            if size:
                yield start + section * variants, size

    def texts(self, place: int) -> Iterator[dict[str, str]]:
        """The names of the sections of a region, in order."""
        by = [part.by for part in self.parts[place]]
        for names in itertools.product(*(part.names for part in self.parts[place])):
            yield dict(zip(by, names, strict=True))


def _gates(site: Site) -> tuple[str, ...]:
    own = _GATE.fullmatch(site.name)
    if own is not None and site.kind == "Gate":
        return (own[1],)
    kind = site.kind.removesuffix("Cell").removeprefix("Stepwise")
    gates = tuple(_GATES.get(kind, ""))
    divided = _WEIGHT.fullmatch(site.name) is not None and site.role in ("weight", "bias")
    return gates if gates and divided and site.shape[0] % len(gates) == 0 else ("(none)",)


def _steps(site: Site) -> tuple[str, ...]:
    if site.role != "hidden state":
        return ("(none)",)
    return tuple(map(str, range(site.shape[0])))


_SECTIONS: dict[str, Callable[[Site], tuple[str, ...]]] = {"gate": _gates, "step": _steps}
"""The sections of a tensor by what divides it."""
