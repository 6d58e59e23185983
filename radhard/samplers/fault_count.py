"""Several faults at the same time, as many as asked for."""

from collections.abc import Sequence

import numpy as np

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Grouping, Sampler, Stratum, Trials, trial_key
from radhard.space import FaultSpace, Numbers
from radhard.spec import component

__all__ = ["FaultCount"]


@component
class FaultCount(Sampler):
    """Trials of a fixed number of faults each: ``FaultCount((1, 10, 20), trials=100)``.

    ``counts``: how many different faults a trial has, one number or several; all sets of so many
    faults are equally likely, and trials are independent (in `Cumulative`, a trial keeps the faults
    of the one before it). For an expected number of faults, and thus equal rates in tensors of
    different sizes, see `ErrorRate`. Several faults in one word are applied in the order in which
    they were drawn; different bit flips all happen.
    """

    counts: tuple[int, ...] | int
    trials: int = 100

    def check(self) -> None:
        if not self.each or min(self.each) < 1:
            raise InputError(f"FaultCount: counts={self.counts} is not allowed; each at least 1")
        if len(set(self.each)) != len(self.each):
            raise InputError(f"FaultCount: counts={self.counts} names a number twice")
        if self.trials < 1:
            raise InputError(f"FaultCount: trials={self.trials} is not allowed; at least 1")

    @property
    def each(self) -> tuple[int, ...]:
        """The numbers of faults, one or several, as a tuple."""
        return self.counts if isinstance(self.counts, tuple) else (self.counts,)

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:  # noqa: ARG002
        *others, last = (f"{count:,}" for count in self.each)
        counts = f"{', '.join(others)} or {last}" if others else last
        text = f"{faults_in_words(faults, None)}, {counts} of them at the same time in each of "
        text += f"{self.trials:,} trials{' for each number' if others else ''},"
        return text[0].upper() + text[1:]

    def draw(self, space: FaultSpace, seed: int) -> "FaultCountTrials":
        if max(self.each) > len(space):
            raise InputError(
                f"{self!r} asks for {max(self.each):,} different faults at the same time, and "
                f"there are {len(space):,}; ask for fewer"
            )
        return FaultCountTrials(self, space, seed)


class FaultCountTrials(Trials):
    """Trials of many faults, number after number."""

    single = False
    grouping = Grouping("errors", "number of errors", "at a number of errors of")

    def __init__(self, sampler: FaultCount, space: FaultSpace, seed: int) -> None:
        strata = [
            Stratum(f"errors {count}", 0, 1, len(space), sampler.trials) for count in sampler.each
        ]
        super().__init__(strata, seed, shuffled=False)
        self._faults, self._counts = len(space), sampler.each

    def __getitem__(self, trial: int) -> Numbers:
        if not 0 <= trial < len(self):
            raise IndexError(f"trial {trial} of {len(self)}")
        seeds = np.random.SeedSequence(trial_key(self.seed, trial))
        chance = np.random.Generator(np.random.Philox(seeds))
        count = self._counts[self.stratum(trial)]
        # Shuffled, as the order decides what several faults in one word do.
        return chance.choice(self._faults, count, replace=False).astype(np.int64)

    def at(self, trials: Numbers) -> Numbers:  # noqa: ARG002
        raise TypeError("a trial of several faults at the same time has many: ask for trials[i]")
