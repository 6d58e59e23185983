"""Which words of a region belong to which channel, gate, step, element, cycle, head, position?"""

import itertools
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from radhard.space import FaultSpace, Numbers
from radhard.space.region import Region
from radhard.targets import REGISTER_AXES

__all__ = ["FaultKinds", "WordSections"]

_GATES = {"LSTM": "ifgo", "GRU": "rzn"}
"""The gates by the end of the class name, in the order of their rows (also of stepwise layers)."""

_WEIGHT = re.compile(r"(?:.*\.)?(?:weight|bias)_(?:ih|hh)(?:_l\d+(?:_reverse)?)?(?:\.original)?")

_GATE = re.compile(r"(?:.*\.)?gates\.(\w)_l\d+(?:_reverse)?(?:@\d+)?")
"""The module of a gate of a stepwise layer, in the name of its activations."""

_FIRST = (
    "Conv",
    "LazyConv",
    "BatchNorm",
    "InstanceNorm",
    "GroupNorm",
    "MaxPool",
    "AvgPool",
    "Adaptive",
)
_LAST = ("Linear", "LayerNorm", "RMSNorm", "Embedding")
"""Classes of layers, by the beginning of their names, whose outputs have their channels on the
first or on the last axis; of other layers this is not known."""

_ROWS_OF_GATES = re.compile(r"(?:Stepwise)?(?:LSTM|GRU|RNN)(?:Cell)?")
"""Classes of layers whose weights have rows of gates, not channels."""

_BINS = 16
"""Maximum number of ranges into which cycles are divided."""


@dataclass(frozen=True)
class WordSections:
    """The words of a region, divided by their index along one axis of its shape."""

    by: str
    names: tuple[str, ...]
    """The sections, in order; one if the words are not divided."""
    axis: int = 0
    length: int = 1
    """The size of the axis: its indices are divided into sections of equal size, in order; the last
    may be smaller."""
    size: int = 1
    """Indices of a section."""

    def counts(self, begin: int, end: int) -> Numbers:
        """How many of the indices from ``begin`` to before ``end`` are in each section."""
        edges = np.minimum(np.arange(len(self.names) + 1) * self.size, self.length)
        return np.diff(np.clip(edges, begin, end))


@dataclass(frozen=True)
class FaultKinds:
    """Faults that no grouping tells apart: one variant in one section of a region.

    They are numbered by region, section and variant. If several groupings divide a region, each by
    another axis, its sections are those of all of them.
    """

    space: FaultSpace
    parts: list[list[WordSections]]
    """One for each grouping that divides words, of each region."""

    @classmethod
    def of(cls, space: FaultSpace, by: Collection[str]) -> "FaultKinds":
        """The kinds of the faults of a space, for some groupings."""
        dividing = [name for name in _SECTIONS if name in by]
        return cls(space, [[_SECTIONS[name](r, space) for name in dividing] for r in space.regions])

    @cached_property
    def counts(self) -> list[int]:
        """The number of sections of each region."""
        return [math.prod(len(part.names) for part in parts) for parts in self.parts]

    @cached_property
    def starts(self) -> Numbers:
        """The first kind of every region."""
        return np.cumsum([0, *(np.array(self.counts) * self.space.variants)])

    @property
    def word_starts(self) -> Numbers:
        """The first kind of every section, and the number of kinds."""
        found = [
            int(start) + at * int(variants)
            for start, count, variants in zip(
                self.starts, self.counts, self.space.variants, strict=False
            )
            for at in range(count)
        ]
        return np.array([*found, self.starts[-1]], dtype=np.int64)

    def kinds(self, places: Numbers, words: Numbers, variants: Numbers) -> Numbers:
        """The kinds of some faults, whose words are positions in their tensors."""
        sections = np.zeros_like(places)
        for place, count in enumerate(self.counts):
            # No grouping divides most regions.
            if count > 1:
                rows = np.flatnonzero(places == place)
                sections[rows] = self._sections(place, words[rows])
        numbers: Numbers = self.starts[places] + sections * self.space.variants[places] + variants
        return numbers

    def sizes(self, place: int, variant: int, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Kind and number of the faults of one variant in the words from ``low`` to ``high``.

        Words are given by their numbers within the region; ``high`` is included.
        """
        start, variants = int(self.starts[place]) + variant, int(self.space.variants[place])
        if self.counts[place] == 1:
            yield start, high - low + 1
            return
        counts = self._until(place, high + 1) - self._until(place, low)
        for section in np.flatnonzero(counts).tolist():
            yield start + section * variants, int(counts[section])

    def texts(self, place: int) -> Iterator[dict[str, str]]:
        """The names of the sections of a region, in order."""
        by = [part.by for part in self.parts[place]]
        for names in itertools.product(*(part.names for part in self.parts[place])):
            yield dict(zip(by, names, strict=True))

    def _sections(self, place: int, positions: Numbers) -> Numbers:
        """The section of each word, given by its position in the tensor."""
        shape, found = self.space.regions[place].shape, np.zeros_like(positions)
        for part in self.parts[place]:
            stride = math.prod(shape[part.axis + 1 :])
            index = positions // stride % part.length
            found = found * len(part.names) + index // part.size
        return found

    def _until(self, place: int, end: int) -> Numbers:
        """How many of the words before ``end`` are in each section."""
        region, count = self.space.regions[place], self.counts[place]
        # The words of a sample, after which the sections repeat.
        size = region.words // (region.site.samples or 1)
        samples, rest = divmod(end, size)
        if size < math.prod(region.shape):
            words = np.arange(size)
            each = self._sections(place, region.positions_of(words))
            counts: Numbers = samples * np.bincount(each, minlength=count)
            return counts + np.bincount(each[:rest], minlength=count)
        # In row-major order: all words of each index before that of the end, axis by axis. They are
        # not listed, since an array has hundreds of millions of words in the cycles of a layer.
        shape = region.shape
        found: Numbers = samples * self._box(place, [(0, length) for length in shape])
        at = [int(i) for i in np.unravel_index(rest, shape)] if rest else [0] * len(shape)
        for axis in range(len(shape)):
            fixed, free = [(i, i + 1) for i in at[:axis]], [(0, n) for n in shape[axis + 1 :]]
            found = found + self._box(place, [*fixed, (0, at[axis]), *free])
        return found

    def _box(self, place: int, ranges: Sequence[tuple[int, int]]) -> Numbers:
        """How many words are in each section, of those with indices in a range along each axis."""
        parts = self.parts[place]
        divided = {part.axis for part in parts if len(part.names) > 1}
        undivided = (e - b for axis, (b, e) in enumerate(ranges) if axis not in divided)
        total = np.array([math.prod(undivided)], dtype=np.int64)
        counts = [p.counts(*ranges[p.axis]) for p in parts if len(p.names) > 1]
        return reduce(lambda all_, own: np.multiply.outer(all_, own).reshape(-1), counts, total)


def _gates(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    site, shape = region.site, region.shape
    own = _GATE.fullmatch(site.name)
    if own is not None and site.kind == "Gate":
        return WordSections("gate", (own[1],))
    kind = site.kind.removesuffix("Cell").removeprefix("Stepwise")
    gates = tuple(_GATES.get(kind, ""))
    divided = _WEIGHT.fullmatch(site.name) is not None and site.role in ("weight", "bias")
    # A tensor may have one scale, which belongs to all gates.
    if not (gates and divided and shape and shape[0] % len(gates) == 0):
        return _undivided("gate")
    return WordSections("gate", gates, 0, shape[0], shape[0] // len(gates))


def _channels(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    shape, axis = region.shape, _channel_axis(region)
    if axis is None:
        return _undivided("channel")
    return WordSections("channel", tuple(map(str, range(shape[axis]))), axis, shape[axis])


def _channel_axis(region: Region) -> int | None:
    """The axis of the output channels of a layer's tensor; None if it is not known."""
    site, shape = region.site, region.shape
    if not shape or region.plane not in ("codes", "scale") or _ROWS_OF_GATES.fullmatch(site.kind):
        return None
    if site.role in ("weight", "bias", "buffer"):
        # A tensor may have one scale, or one for each channel.
        transposed = len(site.shape) > 2 and site.kind.startswith("ConvTranspose")
        axis = 1 if transposed and region.plane == "codes" else 0
        return axis if shape[axis] == site.shape[1 if transposed else 0] else None
    if site.role != "activation":
        return None
    if len(shape) == 1 or site.kind.startswith(_FIRST):
        return 0
    return len(shape) - 1 if site.kind.startswith(_LAST) else None


def _steps(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    if region.site.role != "hidden state":
        return _undivided("step")
    steps = region.site.shape[0]
    return WordSections("step", tuple(map(str, range(steps))), 0, steps)


def _heads(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    return _of_attention(region, "head", {"attention": 0, "key-value cache": 1})


def _positions(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    # Of scores and probabilities, those of the queries.
    return _of_attention(region, "position", {"attention": -2, "key-value cache": 0})


def _of_attention(region: Region, by: str, axes: Mapping[str, int]) -> WordSections:
    """The indices of an axis, which depends on the role of the tensor."""
    shape, axis = region.site.shape, axes.get(region.site.role)
    if axis is None or len(shape) < (3 if by == "head" else 2):
        return _undivided(by)
    at = axis % len(shape)
    return WordSections(by, tuple(map(str, range(shape[at]))), at, shape[at])


def _rows(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    return _by_axis(region, "row")


def _columns(region: Region, space: FaultSpace) -> WordSections:  # noqa: ARG001
    return _by_axis(region, "column")


def _cycles(region: Region, space: FaultSpace) -> WordSections:
    # The same ranges for all layers, so that they are comparable.
    axes = [(site, _axis(site.shape, "cycle")) for site in space.sites if site.role == "register"]
    most = max((site.shape[axis] for site, axis in axes if axis is not None), default=1)
    widths = (step * 10**power for power in itertools.count() for step in (1, 2, 5))
    return _by_axis(region, "cycle", next(n for n in widths if n * _BINS >= most))


def _by_axis(region: Region, axis: str, width: int = 1) -> WordSections:
    """Sections of ``width`` indices of an axis of registers, named by their first and last."""
    shape = region.site.shape
    at = _axis(shape, axis) if region.site.role == "register" else None
    if at is None:
        return _undivided(axis)
    ranges = [(first, min(first + width, shape[at]) - 1) for first in range(0, shape[at], width)]
    # All names of a width are alike, so that the last range of one layer is a range of another.
    names = (str(a) if width == 1 else f"{a}-{a + width - 1}" for a, _ in ranges)
    return WordSections(axis, tuple(names), at, shape[at], width)


def _axis(shape: Sequence[int], axis: str) -> int | None:
    """The number of an axis of registers; None if they have no such axis."""
    own = REGISTER_AXES[-len(shape) :]
    return own.index(axis) if axis in own else None


def _undivided(by: str) -> WordSections:
    return WordSections(by, ("(none)",))


_SECTIONS: dict[str, Callable[[Region, FaultSpace], WordSections]] = {
    "channel": _channels,
    "gate": _gates,
    "step": _steps,
    "head": _heads,
    "position": _positions,
    "row": _rows,
    "column": _columns,
    "cycle": _cycles,
}
"""The sections of a region by what divides it."""
