"""How are trials divided into post-strata by bit and direction?"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from radhard.injection import DIRECTIONS
from radhard.samplers.bit_classes import bit_classes
from radhard.space import Numbers
from radhard.word_sections import FaultKinds

__all__ = ["PostStratum", "joined", "post_strata_of"]

_EACH = 64
"""Trials per post-stratum from which on dividing a stratum makes intervals narrower, also where
rates are small: each post-stratum has a mean of its own to be estimated."""

_FEWEST = 2
"""Trials of a post-stratum, as one gives no estimate of a variance."""


@dataclass(frozen=True)
class PostStratum:
    """The trials of a stratum with faults of one class of bits and one direction."""

    number: int
    """Number of the class times the number of directions, plus the direction."""
    rows: Numbers
    population: int

    @property
    def is_enough(self) -> bool:
        """Whether the trials give an estimate with a variance, or are all faults."""
        return len(self.rows) >= min(_FEWEST, self.population)


def post_strata_of(kinds: FaultKinds) -> Numbers:
    """The number of the post-stratum of every kind of faults, divided by direction."""
    numbers: dict[str, int] = {}
    found = []
    for classes, count in zip(bit_classes(kinds.space), kinds.counts, strict=True):
        # Classes have one number over all regions: trials of one class are joined across tensors.
        of_variant = [numbers.setdefault(name, len(numbers)) for name in classes]
        found += of_variant * count
    every = np.array(found, np.int64)[:, None] * len(DIRECTIONS) + np.arange(len(DIRECTIONS))
    return every.reshape(-1)


def joined(cells: Sequence[PostStratum]) -> list[PostStratum]:
    """The post-strata of a stratum, joined where they have too few trials.

    Directions of one class are joined if one of them has fewer than 2 trials; all are, if a class
    has, or if there are fewer than 64 trials per post-stratum.
    """
    if sum(len(cell.rows) for cell in cells) < _EACH * len(cells):
        return [_union(cells)]
    found = []
    for _, same in itertools.groupby(cells, key=lambda cell: cell.number // len(DIRECTIONS)):
        own = list(same)
        if all(cell.is_enough for cell in own):
            found += own
        else:
            found.append(_union(own))
    return found if all(cell.is_enough for cell in found) else [_union(cells)]


def _union(cells: Sequence[PostStratum]) -> PostStratum:
    if len(cells) == 1:
        return cells[0]
    rows = np.sort(np.concatenate([cell.rows for cell in cells]))
    return PostStratum(cells[0].number, rows, sum(cell.population for cell in cells))
