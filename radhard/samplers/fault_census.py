"""How many faults of each kind change their value in each direction, under each class of caps?"""

from dataclasses import dataclass

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
        kinds, counts, largest = FaultKinds.of(space, ("gate",)), [], []
        for place, region in enumerate(space.regions):
            sections, first = kinds.counts[place], int(kinds.starts[place])
            words = np.arange(region.words)
            here = np.full(len(words), place)
            own = kinds.kinds(here, region.positions_of(words), np.zeros_like(here)) - first
            own = own // region.variants * _CELLS
            found = np.zeros((sections, region.variants, _CELLS), np.int64)
            most = np.zeros((region.variants, _CELLS))
            for variant in range(region.variants):
                cells = directions.of_variant(place, variant).astype(np.int64) * CAP_CLASSES
                if caps is None:
                    cells += CAP_CLASSES - 1
                    most[variant] = 1.0
                else:
                    faults = int(space.starts[place]) + words * region.variants + variant
                    own_caps = caps.of(faults)
                    cells += cap_classes(own_caps)
                    np.maximum.at(most[variant], cells, own_caps)
                sums = np.bincount(own + cells, minlength=sections * _CELLS)
                found[:, variant] = sums.reshape(sections, _CELLS)
            shape = (len(DIRECTIONS), CAP_CLASSES)
            counts.append(found.reshape(sections, region.variants, *shape))
            largest.append(most.reshape(region.variants, *shape))
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
