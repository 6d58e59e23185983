"""Of which kind is the fault of each trial, and how many faults of each kind has a stratum?"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radhard.errors import InputError
from radhard.injection import DIRECTIONS
from radhard.samplers import Stratum, Trials
from radhard.space import FaultSpace, Numbers
from radhard.word_sections import FaultKinds

__all__ = ["KindCounts", "overlaps"]


@dataclass(frozen=True)
class KindCounts:
    """The kinds of the faults of executed trials, and the faults of each kind in every stratum.

    Faults of one kind are those that no grouping tells apart: one variant in one section of a
    region (`FaultKinds`; for most groupings the whole region). If ``directed``, every kind is
    divided by direction (`TrialDirections`).
    """

    space: FaultSpace
    trials: Trials
    numbers: Numbers
    """The executed trials."""
    faults: Numbers | None
    """Their faults, if they are known already."""
    names: Sequence[str]
    """The names of the groupings."""
    directed: bool = False

    @cached_property
    def sections(self) -> FaultKinds:
        """The kinds, not divided by direction."""
        return FaultKinds.of(self.space, self.names)

    @cached_property
    def kinds(self) -> Numbers:
        """The kind of the fault of every executed trial, numbered over all regions."""
        faults = self.trials.at(self.numbers) if self.faults is None else self.faults
        return self._kinds_of(faults, self.numbers)

    @cached_property
    def sizes(self) -> Numbers:
        """Strata, kinds of faults (numbered over all regions), and the number of faults in both."""
        if self.trials.sizes is not None:
            return self._summed(self.trials.sizes)
        if self.trials.listed is not None:
            # A list is its own population: faults that are not on it have no weight.
            kinds = self._kinds_of(self.trials.listed, np.arange(len(self.trials)))
            found, counts = np.unique(kinds, return_counts=True)
            return np.stack([np.zeros_like(found), found, counts])
        sizes = [
            (at, kind, size)
            for at, stratum in enumerate(self.trials.strata)
            for place, variant, low, high in overlaps(self.space, stratum)
            for kind, size in self._sizes_of(stratum, place, variant, low, high)
        ]
        return np.array(sizes, dtype=np.int64).reshape(-1, 3).T

    def faults_per_word(self, codes: Numbers) -> Numbers:
        """How many faults of the word of each kind are in its group, given the groups' numbers.

        1 for trials that are drawn one by one, whose words do not matter.
        """
        sizes = np.ones(len(codes), np.int64)
        if self.trials.together > 1:
            for begin, end in itertools.pairwise(self.sections.word_starts):
                _, which, count = np.unique(
                    codes[begin:end], return_inverse=True, return_counts=True
                )
                sizes[begin:end] = count[which]
        return sizes

    def _kinds_of(self, faults: Numbers, trials: Numbers) -> Numbers:
        kinds = self.sections.kinds(*self.space.locate(faults))
        if not self.directed:
            return kinds
        assert self.trials.directions is not None
        return self.trials.directions.numbered(kinds, trials)

    def _summed(self, sizes: Numbers) -> Numbers:
        """Strata, the kinds of these groupings and the number of faults, from kinds by gate."""
        fine, found = FaultKinds.of(self.space, ("gate",)), []
        for place, (many, few) in enumerate(zip(fine.counts, self.sections.counts, strict=True)):
            if few not in (1, many):
                raise InputError(
                    f"by={', '.join(self.names)!r}: the faults of such strata are counted by gate "
                    "and direction only; group by other parts, or take Uniform or PerTensor"
                )
            variants = int(self.space.variants[place])
            of_section = np.repeat(
                np.arange(many) if few > 1 else np.zeros(many, np.int64), variants
            )
            found.append(
                self.sections.starts[place]
                + of_section * variants
                + np.tile(np.arange(variants), many)
            )
        strata, kinds, counts = sizes
        own, directions = np.divmod(kinds, len(DIRECTIONS))
        # The kind by these groupings of each kind by gate: sections are joined, variants stay.
        coarse = np.concatenate(found)[own]
        if self.directed:
            coarse = coarse * len(DIRECTIONS) + directions
        pairs, which = np.unique(np.stack([strata, coarse]), axis=1, return_inverse=True)
        sums = np.bincount(which.reshape(-1), counts, minlength=pairs.shape[1]).astype(np.int64)
        return np.vstack([pairs, sums])

    def _sizes_of(
        self, stratum: Stratum, place: int, variant: int, low: int, high: int
    ) -> Iterator[tuple[int, int]]:
        if not self.directed:
            return self.sections.sizes(place, variant, low, high)
        assert self.trials.directions is not None
        sizes = self.trials.directions.sizes(self.sections, place, variant, low, high)
        if sizes is None:
            raise InputError(
                f"by='direction': stratum {stratum.name!r} has only some words of a tensor, of "
                "which the directions are not counted; take Uniform, PerTensor or PerBit"
            )
        return sizes


def overlaps(space: FaultSpace, stratum: Stratum) -> Iterator[tuple[int, int, int, int]]:
    """Region, variant, first and last word of each part of a stratum."""
    # The last fault itself, not the end behind it: a step may lead beyond the last region.
    last = stratum.start + stratum.step * (stratum.population - 1)
    ends = np.array([stratum.start, last])
    begin, end = (np.searchsorted(space.starts, ends, side="right") - 1).tolist()
    for place in range(begin, end + 1):
        variants, words = int(space.variants[place]), int(space.words[place])
        if stratum.step not in (1, variants):
            raise InputError(
                f"stratum {stratum.name!r}: its step {stratum.step} is neither 1 nor the number of "
                f"variants ({variants})"
            )
        start = int(space.starts[place])
        # Above 1, the step leads from word to word, always to the same variant.
        only = (stratum.start - start) % variants if stratum.step > 1 else None
        for variant in range(variants) if only is None else (only,):
            # The words of this region whose fault is between the first and last of the stratum.
            low = max(0, -((start + variant - stratum.start) // variants))
            high = min(words - 1, (last - start - variant) // variants)
            if high >= low:
                yield place, variant, low, high
