"""Which trials are in a group, and how many faults do they represent?"""

import itertools
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from radhard.errors import InputError
from radhard.group_labels import grouping_names, labels
from radhard.groups.kind_counts import KindCounts
from radhard.groups.parts import Parts, under_cap
from radhard.groups.post_strata import PostStratum, joined, post_strata_of
from radhard.injection import DIRECTIONS
from radhard.samplers import Grouping, Trials
from radhard.space import FaultSpace, Numbers
from radhard.stats import Cell, crowding

__all__ = ["Groups", "Parts"]


class Groups:
    """Executed trials, split by a grouping and, within it, by the strata they were drawn from.

    Where the directions of the faults are known, the trials of a stratum are also divided by bit
    and direction, if there are enough (post-stratification).

    ``numbers`` are the executed trials. The population of a part is the number of faults in both
    the group and the stratum, with which unequal strata are weighted; a part may have no trials.
    ``faults`` are those of the executed trials, if already known. Without ``post_stratified`` the
    parts are those that the trials were drawn from, and weights the inverse of the probabilities
    with which they were drawn.
    """

    def __init__(
        self,
        space: FaultSpace,
        trials: Trials,
        numbers: Numbers,
        by: str | None,
        *,
        faults: Numbers | None = None,
        post_stratified: bool = True,
    ) -> None:
        self._faults, self._post_stratified = faults, post_stratified
        self._strata = trials.strata_of(numbers)
        self._space, self._trials, self._numbers, self._by = space, trials, numbers, by
        self._every: list[tuple[str, Parts]] | None = None

    def split(self, *, capped: bool = False) -> list[tuple[str, Parts]]:
        """Name and parts of every group with trials, in the order of the model.

        With ``capped``, for a figure of which the caps hold, also of the groups of which they say
        that no fault is harmful, where no trial is needed.

        If only some of the trials drawn together have been executed, these are left out, since they
        do not represent the others.

        Raises:
            InputError: no trials are left.
        """
        grouping = self._trials.grouping
        if self._every is None:
            self._every = self._single() if grouping is None else self._of_strata(grouping)
        found = [
            (key, some)
            for key, some in self._every
            if any(len(rows) for rows, _ in some) or (capped and some.harmless)
        ]
        if not found and len(self._numbers):
            raise InputError(
                "no word has been tried with all its faults yet, so that there is nothing to "
                "estimate; continue the campaign"
            )
        return found

    def parts(self, rows: Numbers, shares: np.ndarray) -> Parts:
        """The parts of any set of faults: one for each stratum that has some of them.

        Trials drawn together are left out as by `split`.

        ``rows`` are the positions of the executed trials in the set, ascending. ``shares`` are, for
        every kind of faults, the share of them that the set contains.
        """
        if self._trials.together > 1:
            return self._of_words(rows, shares)
        strata, kinds, counts = self._counts.sizes
        sizes = np.bincount(strata, counts * shares[kinds], minlength=len(self._trials.strata))
        found = [rows[self._strata[rows] == at] for at in range(len(sizes))]
        # Rounding must not make a population smaller than its sample.
        return Parts(
            (of_stratum, max(round(size), len(of_stratum)))
            for of_stratum, size in zip(found, sizes.tolist(), strict=True)
            if size or len(of_stratum)
        )

    def _of_words(self, rows: Numbers, shares: np.ndarray) -> Parts:
        """The parts of a set of faults that were drawn word by word: one for each size of words."""
        inside = shares > 0
        _, kinds, counts = self._counts.sizes
        faults_per_word = self._counts.faults_per_word(inside.astype(np.int64))
        sizes_of_rows = faults_per_word[self._counts.kinds[rows]]
        found = Parts()
        for size in np.unique(faults_per_word[inside]).tolist():
            same = inside & (faults_per_word == size)
            population = float((counts * shares[kinds])[same[kinds]].sum())
            of_size = rows[sizes_of_rows == size]
            whole = self._whole(of_size, np.full(len(of_size), size))
            # Rounding must not make a population smaller than its sample.
            found.append((whole, max(round(population), len(whole))))
        return found

    def cells(
        self, parts: Parts, values: np.ndarray, *, least: float = 0.0, capped: bool = False
    ) -> list[Cell]:
        """The parts with one value for every sampling unit: a trial, or trials drawn together.

        ``values`` are those of all executed trials, from ``least`` to 1: shares, or with -1
        differences of shares. ``capped``: whether the caps of the parts hold for them.
        """
        cells = [self._cell(rows, population, values) for rows, population in parts]
        if capped and parts.caps:
            return [
                under_cap(cell, cap, least) for cell, cap in zip(cells, parts.caps, strict=True)
            ]
        if self._every_bit:
            within = _within(values, least)
            return [replace(cell, within=within) for cell in cells]
        if (together := self._trials.together) > 1:
            # From all trials, because a group that shows no harm does not show how harm is
            # correlated.
            whole = self._whole(np.arange(len(values)), np.full(len(values), together))
            every = values[whole].reshape(-1, together)
            crowd = crowding(every) if every.size else 1.0
            return [replace(cell, crowding=crowd) for cell in cells]
        return cells

    @property
    def _every_bit(self) -> bool:
        """Whether every bit position of every tensor is a separate stratum."""
        strata, space = self._trials.strata, self._space
        # Where all words have one fault, tensors are drawn from as a whole, by any sampler.
        if len(strata) == 1 or (space.variants == 1).all():
            return False
        starts = np.array([stratum.start for stratum in strata])
        places = np.searchsorted(space.starts, starts, side="right") - 1
        # The faults of one bit position are as far apart as a word has variants.
        return bool((space.variants[places] == [stratum.step for stratum in strata]).all())

    def mean(self, parts: Parts, values: np.ndarray, *, capped: bool = False) -> float:
        """The mean of values of any range, with each part weighted by its population."""
        cells = self.cells(parts, values, capped=capped)
        # A part without trials has no mean; the others stand for it.
        known = [cell for cell in cells if len(np.asarray(cell.values))]
        means = [float(np.asarray(cell.values).mean()) for cell in known]
        if len(parts) == 1:
            return means[0]
        return float(np.average(means, weights=[cell.faults or 0 for cell in known]))

    def weights(self, parts: Parts, *, capped: bool = False) -> np.ndarray:
        """The weight of each trial in that mean, in the order of the parts' positions."""
        known = [(len(rows), 1 if size is None else size) for rows, size in parts if len(rows)]
        total = sum(size for _, size in known)
        if capped:
            # Faults that are known to be harmless have no trials, and count in the mean.
            total += sum(
                size or 0
                for at, (rows, size) in enumerate(parts)
                if parts.cap(at) == 0 and not len(rows)
            )
        return np.concatenate([np.full(number, size / total / number) for number, size in known])

    def weighted_sum(self, parts: Parts, values: np.ndarray) -> float:
        """The sum of values of all executed trials, times the weights of those in the parts."""
        return float(self.weights(parts) @ values[np.concatenate([rows for rows, _ in parts])])

    def drawn(self, parts: Parts) -> Parts:
        """The parts as they were drawn, joining the post-strata of each stratum."""
        if parts.caps or not all(len(rows) for rows, _ in parts):
            return parts
        joined: dict[int, tuple[list[Numbers], int]] = {}
        for rows, size in parts:
            if size is None or self._trials.together > 1:
                return parts
            found, faults = joined.get(int(self._strata[rows[0]]), ([], 0))
            joined[int(self._strata[rows[0]])] = [*found, rows], faults + size
        return Parts((np.sort(np.concatenate(rows)), size) for rows, size in joined.values())

    def _cell(self, rows: Numbers, population: int | None, values: np.ndarray) -> Cell:
        if self._trials.together == 1 or not len(rows):
            return Cell(values[rows], population)
        drawn = self._numbers[rows] // self._trials.together
        # A part has words of one size, and all their trials.
        size = int((drawn == drawn[0]).sum())
        # Numbers ascend: the trials of a unit are neighbours, in the order of the variants.
        # One row for each word: its faults are one draw, and their values depend on each other.
        words = values[rows].reshape(-1, size)
        return Cell(words, None if population is None else population // size)

    def _whole(self, rows: Numbers, sizes: Numbers) -> Numbers:
        """The rows of words of which ``sizes`` trials, given for each row, have been executed."""
        drawn = self._numbers[rows] // self._trials.together
        _, unit, count = np.unique(drawn, return_inverse=True, return_counts=True)
        whole: Numbers = rows[count[unit] == sizes]
        return whole

    def _of_strata(self, grouping: Grouping) -> list[tuple[str, Parts]]:
        if self._by not in (None, grouping.name):
            raise InputError(
                f"by={self._by!r}: a trial has many faults, which lie everywhere; only "
                f"by={grouping.name!r}"
            )
        if self._by is None and len(self._trials.strata) > 1:
            raise InputError(
                f"trials that differ in {grouping.quantity} have no common mean: ask "
                f"by={grouping.name!r}"
            )
        return [
            (
                grouping.value(stratum.name) if self._by else "",
                # There are too many possible sets of faults for a finite-population correction.
                Parts([(np.flatnonzero(self._strata == at), None)]),
            )
            for at, stratum in enumerate(self._trials.strata)
        ]

    def _single(self) -> list[tuple[str, Parts]]:
        table = labels(self._space, self._by)
        keys = list(dict.fromkeys(table))
        number = {key: n for n, key in enumerate(keys)}
        codes = np.array([number[key] for key in table], dtype=np.int64)
        counts, directed = self._counts, self._directed
        if directed is not None:
            counts = directed
            # Otherwise the groups are those of all directions.
            if "direction" not in counts.names:
                codes = np.repeat(codes, len(DIRECTIONS))
        sizes = counts.faults_per_word(codes)
        strata = np.zeros_like(codes) if directed is None else post_strata_of(directed.sections)

        population: dict[tuple[int, int, int, int], int] = {}
        for at, kind, size in counts.sizes.T.tolist():
            part = int(codes[kind]), at, int(sizes[kind]), int(strata[kind])
            population[part] = population.get(part, 0) + size

        which = counts.kinds
        columns = {"group": codes[which], "stratum": self._strata, "size": sizes[which]}
        frame = pd.DataFrame({**columns, "post": strata[which]})
        found = frame.groupby(["group", "stratum", "size", "post"]).indices
        groups: dict[int, Parts] = {}
        capped = any(stratum.cap < 1 for stratum in self._trials.strata)
        # By number of the group, which is the order of the model.
        # Also of parts without trials, whose faults count in the population.
        ordered = sorted(population.items())
        for (group, at, size), same in itertools.groupby(ordered, key=lambda part: part[0][:3]):
            cells = [
                PostStratum(part[3], np.asarray(found.get(part, ()), dtype=np.int64), faults)
                for part, faults in same
            ]
            for cell in joined(cells):
                rows = cell.rows
                if self._trials.together > 1:
                    rows = self._whole(rows, np.full(len(rows), size))
                own = groups.setdefault(group, Parts())
                own.append((rows, cell.population))
                if capped:
                    own.caps.append(self._trials.strata[at].cap)
        return [(keys[group], parts) for group, parts in groups.items()]

    @cached_property
    def _counts(self) -> KindCounts:
        names = grouping_names(self._by)
        return KindCounts(self._space, self._trials, self._numbers, self._faults, names)

    @property
    def _directed(self) -> KindCounts | None:
        """The counts by direction; None if these are neither asked for nor of use.

        Raises:
            InputError: they are asked for, and not known.
        """
        asked, trials = "direction" in self._counts.names, self._trials
        recorded = trials.directions is not None
        known = (
            trials.directions is not None
            and trials.together == 1
            and trials.directions.are_counted(self._counts.sections)
        )
        if asked and not known:
            why = (
                "all faults of a word were tried together"
                if trials.together > 1
                else "the faults in a channel are not counted by direction"
                if recorded
                else "the run does not record the directions of faults (it was begun by an earlier "
                "version, its space is too large, or its faults have no direction)"
            )
            raise InputError(f"by={self._by!r}: {why}; group by bit instead")
        drawn = self._post_stratified and trials.listed is None and trials.sizes is None
        of_use = drawn and all(stratum.trials < stratum.population for stratum in trials.strata)
        return replace(self._counts, directed=True) if known and (asked or of_use) else None


def _within(values: np.ndarray, least: float) -> tuple[float, float]:
    """The range in which values that were not drawn are assumed to lie, given those that were.

    If every bit position of every tensor was sampled, the worst effects of faults have probably
    been observed, the more so the more values differ from the most frequent one. The observed range
    is widened towards its limits, ``least`` and 1, by the fraction 1 / (1 + number of such values).
    """
    seen, counts = np.unique(values, return_counts=True)
    kept = 1 / (1 + len(values) - int(counts.max()))
    low, high = float(seen[0]), float(seen[-1])
    return low - kept * (low - least), high + kept * (1 - high)
