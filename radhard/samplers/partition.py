"""Into which strata is a fault space divided by bit, direction and cap, and how are they drawn?"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radhard.errors import InputError
from radhard.group_labels import labels
from radhard.injection import DIRECTIONS
from radhard.samplers.bit_classes import bit_classes
from radhard.samplers.fault_census import FaultCensus
from radhard.samplers.fault_classes import CLASSES
from radhard.samplers.permutation import Permutation
from radhard.space import FaultSpace, Numbers
from radhard.word_sections import FaultKinds

__all__ = ["Partition", "PartitionStratum", "partition"]

_AT_ONCE = 2**14
"""Faults that are looked at together to find those of a stratum."""

_LEVELS = ((True, True), (False, True), (False, False))
"""Whether strata are divided by bit and by direction: from many strata to few."""


@dataclass(frozen=True)
class PartitionStratum:
    """Faults of one group, class of bits, direction and class of caps."""

    name: str
    group: int
    """The position of its group in the groups of the partition."""
    population: int
    cap: float
    """The largest share of the samples that one of its faults may harm."""
    number: int
    """Its class (`FaultClasses`)."""


@dataclass(frozen=True)
class Partition:
    """Strata into which a space is divided, whose faults can be drawn in a random order."""

    space: FaultSpace
    census: FaultCensus
    groups: tuple[str, ...]
    """The names of the groups, in the order of the model; one empty name without groups."""
    strata: tuple[PartitionStratum, ...]
    lookup: tuple[Numbers, ...]
    """For each region the stratum by variant and by direction and class of caps, -1 without."""

    @cached_property
    def sizes(self) -> Numbers:
        """Strata, kinds of faults by gate and direction, and the number of faults in both."""
        kinds, rows = FaultKinds.of(self.space, ("gate",)), []
        for place, counts in enumerate(self.census.counts):
            first, variants = int(kinds.starts[place]), counts.shape[1]
            for section, variant, direction, cap in np.argwhere(counts).tolist():
                stratum = int(self.lookup[place][variant, direction * CLASSES + cap])
                kind = (first + section * variants + variant) * len(DIRECTIONS) + direction
                rows.append((stratum, kind, int(counts[section, variant, direction, cap])))
        return np.array(sorted(rows), np.int64).reshape(-1, 3).T

    def reach(self, group: int) -> float:
        """The mean of the caps of a group's faults: the largest possible mean of their values."""
        own = [s for s in self.strata if s.group == group]
        return sum(s.cap * s.population for s in own) / sum(s.population for s in own)

    def draw(self, stratum: int, begin: int, end: int, seed: int) -> Numbers:
        """The faults from position ``begin`` to before ``end`` in the order of a stratum.

        The order is a random one of all its faults; it depends on the seed and the stratum only.
        """
        places, variants, ends = self._cells[stratum]
        total = int(ends[-1])
        order = Permutation(total, (seed, stratum, total))
        starts: Numbers = ends - self.space.words[places]
        every: Numbers = self.space.variants[places]
        # The order of a larger set, whose faults have other directions and caps as well: those of
        # the stratum are in random order among them.
        share = self.strata[stratum].population / total
        if next(iter(self._orders), (seed, 0))[0] != seed:
            self._orders.clear()
        at, first = self._orders.get((seed, stratum), (0, np.zeros(0, np.int64)))
        parts, found = [first], len(first)
        while found < end:
            # As many as have the missing ones on average, and some more.
            size = min(_AT_ONCE, math.ceil(1.1 * (end - found) / share) + 16)
            positions = order(np.arange(at, min(at + size, total)))
            at += size
            cell = np.searchsorted(ends, positions, side="right")
            words: Numbers = positions - starts[cell]
            faults: Numbers = self.space.starts[places[cell]] + words * every[cell] + variants[cell]
            cells = self.census.cells(faults)
            rows = self.space.variant_starts[places[cell]] + variants[cell]
            parts.append(faults[self._table[rows, cells] == stratum])
            found += len(parts[-1])
        drawn: Numbers = np.concatenate(parts)
        self._orders[seed, stratum] = at, drawn
        return drawn[begin:end]

    @cached_property
    def _orders(self) -> dict[tuple[int, int], tuple[int, Numbers]]:
        """By seed and stratum how far its order has been looked at, and the faults found there.

        Every stage goes on where the one before it ended.
        """
        return {}

    @cached_property
    def _table(self) -> Numbers:
        """The lookup of all regions."""
        return np.concatenate(self.lookup)

    @cached_property
    def _cells(self) -> list[tuple[Numbers, Numbers, Numbers]]:
        """For each stratum the regions and variants that have some of its faults, and where the
        words of each end if those of all are numbered."""
        pairs: list[list[tuple[int, int]]] = [[] for _ in self.strata]
        for place, table in enumerate(self.lookup):
            for variant, row in enumerate(table):
                for stratum in np.unique(row[row >= 0]).tolist():
                    pairs[stratum].append((place, variant))
        found = []
        for own in pairs:
            places, variants = np.array(own, np.int64).T
            found.append((places, variants, np.cumsum(self.space.words[places])))
        return found


def partition(
    space: FaultSpace,
    census: FaultCensus,
    by: str | None,
    most: Callable[[float], float] | None = None,
) -> Partition:
    """The finest partition whose groups have few enough strata, each by itself.

    The faults of a group are divided by bit and direction, by direction, or not; and always by
    class of caps.

    Args:
        space: the faults.
        census: their number by direction and class of caps.
        by: the grouping whose groups have strata of their own.
        most: how many strata a group may have, given the mean of its caps; None: any number.

    Raises:
        InputError: a grouping that is not one of whole variants and tensors.
    """
    table = labels(space, by)
    if len(table) != int(space.variant_starts[-1]):
        raise InputError(
            f"by={by!r} divides the words of a tensor; group by tensor, layer, kind, role, format, "
            "plane, fault, bit or field"
        )
    chosen: dict[str, tuple[bool, bool]] = {}
    for level in _LEVELS:
        found = _divided(space, census, table, dict.fromkeys(table, level))
        # Strata whose faults are all known to be harmless take no trials.
        counts = np.bincount(
            [s.group for s in found.strata if s.cap > 0], minlength=len(found.groups)
        )
        for group, name in enumerate(found.groups):
            if most is None or counts[group] <= most(found.reach(group)):
                chosen.setdefault(name, level)
    return _divided(space, census, table, {name: chosen.get(name, _LEVELS[-1]) for name in table})


def _divided(
    space: FaultSpace,
    census: FaultCensus,
    table: list[str],
    levels: Mapping[str, tuple[bool, bool]],
) -> Partition:
    """The partition by group and class of caps, and by bits and directions if a group asks."""
    classes = [name for row in bit_classes(space) for name in row]
    # With one format and fault model, only the bit distinguishes classes.
    short = len({name.rpartition(" ")[0] for name in classes}) == 1
    faults: dict[tuple[str, str, str, int], int] = {}
    caps: dict[tuple[str, str, str, int], float] = {}
    keys: list[dict[tuple[int, int], tuple[str, str, str, int]]] = []
    for place, counts in enumerate(census.counts):
        of_place = {}
        for variant, direction, cap in np.argwhere(counts.sum(axis=0)).tolist():
            at = int(space.variant_starts[place]) + variant
            bits, directions = levels[table[at]]
            name = f"bit {classes[at].rpartition(' ')[2]}" if short else classes[at]
            key = (
                table[at],
                name if bits else "",
                DIRECTIONS[direction] if directions else "",
                cap,
            )
            number = int(counts[:, variant, direction, cap].sum())
            faults[key] = faults.get(key, 0) + number
            largest = float(census.largest[place][variant, direction, cap])
            caps[key] = max(caps.get(key, 0.0), largest)
            of_place[variant, direction * CLASSES + cap] = key
        keys.append(of_place)
    groups = tuple(dict.fromkeys(table))
    order = {key: n for n, key in enumerate(faults)}
    strata = tuple(
        PartitionStratum(
            _name(key, census.text(key[3], caps[key])),
            groups.index(key[0]),
            faults[key],
            caps[key],
            key[3],
        )
        for key in faults
    )
    lookup = []
    for place, of_place in enumerate(keys):
        numbers = np.full((int(space.variants[place]), len(DIRECTIONS) * CLASSES), -1)
        for (variant, cell), key in of_place.items():
            numbers[variant, cell] = order[key]
        lookup.append(numbers)
    return Partition(space, census, groups, strata, tuple(lookup))


def _name(key: tuple[str, str, str, int], of_class: str) -> str:
    return ", ".join(text for text in (*key[:3], of_class) if text) or "the space"
