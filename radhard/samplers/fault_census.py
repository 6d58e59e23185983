"""How many faults of each kind and class change their value in each direction?"""

import hashlib
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from radhard.injection import DIRECTIONS, Directions
from radhard.samplers.fault_classes import CLASSES, FaultClasses
from radhard.space import FaultSpace, Numbers
from radhard.word_sections import FaultKinds

__all__ = ["FaultCensus"]

_CELLS = len(DIRECTIONS) * CLASSES


@dataclass(frozen=True)
class FaultCensus:
    """The faults of a space, counted; every fault is looked at once."""

    directions: Directions
    classes: FaultClasses | None
    """The classes of faults; without, all faults are in the last, with a cap of 1."""
    counts: tuple[Numbers, ...]
    """For each region the number of faults by gate, variant, direction and class."""
    largest: tuple[npt.NDArray[np.float64], ...]
    """For each region the largest cap by variant, direction and class."""
    digest: str | None = None
    """SHA-256 of the class of every fault; None without classes."""

    @classmethod
    def of(
        cls, directions: Directions, space: FaultSpace, classes: FaultClasses | None = None
    ) -> "FaultCensus":
        """Count the faults of a space."""
        kinds = FaultKinds.of(space, ("gate",))
        counts, largest, digest = [], [], hashlib.sha256()
        for place, region in enumerate(space.regions):
            words, sections = np.arange(region.words), kinds.counts[place]
            here, first = np.full(len(words), place), int(kinds.starts[place])
            own = kinds.kinds(here, region.positions_of(words), np.zeros_like(here)) - first
            own //= region.variants
            count = _undivided if classes is None else partial(_divided, classes, digest)
            found, most = count(directions, space, place, own, sections)
            counts.append(found)
            largest.append(most)
        known = None if classes is None else digest.hexdigest()
        return cls(directions, classes, tuple(counts), tuple(largest), known)

    def cells(self, faults: Numbers) -> Numbers:
        """The direction and the class of each fault, as one number."""
        found = self.directions.of(faults).astype(np.int64) * CLASSES
        if self.classes is None:
            return found + CLASSES - 1
        cells: Numbers = found + self.classes.of(faults)[0]
        return cells

    def text(self, number: int, cap: float) -> str:
        """The name of a class, whose largest cap is given; empty without classes."""
        return "" if self.classes is None else self.classes.text(number, cap)

    @property
    def by_direction(self) -> tuple[Numbers | None, ...]:
        """For each region the number of faults by gate, variant and direction; None without any."""
        known = self.directions.known
        return tuple(
            c.sum(axis=3) if own else None for c, own in zip(self.counts, known, strict=True)
        )


Counted = tuple[Numbers, npt.NDArray[np.float64]]


def _undivided(
    directions: Directions, space: FaultSpace, place: int, own: Numbers, sections: int
) -> Counted:
    """The counts and largest caps of a region, given the section of every word, without classes."""
    variants = int(space.variants[place])
    found = np.zeros((sections, variants, len(DIRECTIONS), CLASSES), np.int64)
    if directions.known[place]:
        found[..., -1] = directions.counts(place, own, sections)
    else:
        found[:, :, DIRECTIONS.index("(none)"), -1] = np.bincount(own, minlength=sections)[:, None]
    return found, np.ones((variants, len(DIRECTIONS), CLASSES))


def _divided(
    classes: FaultClasses,
    digest: "hashlib._Hash",
    directions: Directions,
    space: FaultSpace,
    place: int,
    own: Numbers,
    sections: int,
) -> Counted:
    """The same with classes, for which every fault is looked at, and which the digest has."""
    variants, words = int(space.variants[place]), np.arange(len(own))
    shape = (len(DIRECTIONS), CLASSES)
    found = np.zeros((sections, variants, *shape), np.int64)
    most = np.zeros((variants, *shape))
    for variant in range(variants):
        faults = int(space.starts[place]) + words * variants + variant
        own_classes, limits = classes.of(faults)
        # A run that is continued has to find the same classes, or its strata would be others.
        digest.update(own_classes.tobytes())
        cells = directions.of(faults).astype(np.int64) * CLASSES + own_classes
        np.maximum.at(most[variant].reshape(-1), cells, limits)
        sums = np.bincount(own * _CELLS + cells, minlength=sections * _CELLS)
        found[:, variant] = sums.reshape(sections, *shape)
    return found, most
