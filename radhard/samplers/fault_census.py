"""How many faults of each kind change their value in each direction, under each class of caps?"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from radhard.caps import FaultCaps, cap_classes
from radhard.injection import DIRECTIONS, Directions
from radhard.space import FaultSpace, Numbers
from radhard.word_sections import FaultKinds

__all__ = ["CAP_CLASSES", "FaultCensus"]

CAP_CLASSES = 6
"""Number of classes of caps (`cap_classes`); without caps, all faults are in the last."""

_CELLS = len(DIRECTIONS) * CAP_CLASSES


@dataclass(frozen=True)
class FaultCensus:
    """The faults of a space, counted; every fault is looked at once."""

    directions: Directions
    caps: FaultCaps | None
    counts: tuple[Numbers, ...]
    """For each region the number of faults by gate, variant, direction and class of caps."""
    largest: tuple[npt.NDArray[np.float64], ...]
    """For each region the largest cap by variant, direction and class of caps."""

    @classmethod
    def of(
        cls, directions: Directions, space: FaultSpace, caps: FaultCaps | None = None
    ) -> "FaultCensus":
        """Count the faults of a space."""
        kinds = FaultKinds.of(space, ("gate",))
        counts, largest = [], []
        for place, region in enumerate(space.regions):
            words, sections = np.arange(region.words), kinds.counts[place]
            here, first = np.full(len(words), place), int(kinds.starts[place])
            own = kinds.kinds(here, region.positions_of(words), np.zeros_like(here)) - first
            own //= region.variants
            count = _uncapped if caps is None else partial(_capped, caps)
            found, most = count(directions, space, place, own, sections)
            counts.append(found)
            largest.append(most)
        return cls(directions, caps, tuple(counts), tuple(largest))

    def cells(self, faults: Numbers) -> Numbers:
        """The direction and the class of caps of each fault, as one number."""
        found = self.directions.of(faults).astype(np.int64) * CAP_CLASSES
        if self.caps is None:
            return found + CAP_CLASSES - 1
        classes: Numbers = found + cap_classes(self.caps.of(faults))
        return classes

    @property
    def by_direction(self) -> tuple[Numbers | None, ...]:
        """For each region the number of faults by gate, variant and direction; None without any."""
        known = self.directions.known
        return tuple(
            c.sum(axis=3) if own else None for c, own in zip(self.counts, known, strict=True)
        )


Counted = tuple[Numbers, npt.NDArray[np.float64]]


def _uncapped(
    directions: Directions, space: FaultSpace, place: int, own: Numbers, sections: int
) -> Counted:
    """The counts and largest caps of a region, given the section of every word, without caps."""
    variants = int(space.variants[place])
    found = np.zeros((sections, variants, len(DIRECTIONS), CAP_CLASSES), np.int64)
    if directions.known[place]:
        found[..., -1] = directions.counts(place, own, sections)
    else:
        found[:, :, DIRECTIONS.index("(none)"), -1] = np.bincount(own, minlength=sections)[:, None]
    return found, np.ones((variants, len(DIRECTIONS), CAP_CLASSES))


def _capped(
    caps: FaultCaps,
    directions: Directions,
    space: FaultSpace,
    place: int,
    own: Numbers,
    sections: int,
) -> Counted:
    """The same with caps, for which every fault is looked at by itself."""
    variants, words = int(space.variants[place]), np.arange(len(own))
    shape = (len(DIRECTIONS), CAP_CLASSES)
    found = np.zeros((sections, variants, *shape), np.int64)
    most = np.zeros((variants, *shape))
    for variant in range(variants):
        faults = int(space.starts[place]) + words * variants + variant
        limits = caps.of(faults)
        cells = directions.of(faults).astype(np.int64) * CAP_CLASSES + cap_classes(limits)
        np.maximum.at(most[variant].reshape(-1), cells, limits)
        sums = np.bincount(own * _CELLS + cells, minlength=sections * _CELLS)
        found[:, variant] = sums.reshape(sections, *shape)
    return found, most
