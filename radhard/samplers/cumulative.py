"""One fault after another, each of which stays."""

from collections.abc import Sequence

import numpy as np

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Grouping, Sampler, Stratum, Trials, trial_key
from radhard.samplers.permutation import Permutation
from radhard.space import FaultSpace, Numbers
from radhard.spec import component

__all__ = ["Cumulative"]

_KNOWN = 2**22
"""Trials up to which the faults of all histories are kept, 8 bytes each."""


@component
class Cumulative(Sampler):
    """Faults that accumulate in a memory: ``Cumulative(steps=50, repeats=100)``.

    In each of ``repeats`` independent histories one fault after another is drawn, uniformly from
    those that have not occurred yet, and all of them stay: the trial with k errors has the faults
    of the trial with k - 1 errors of the same history, and one more. Trials are numbered by the
    number of errors, from 1 to ``steps``, and then by history. `radhard.comparison.accumulation`
    gives mean, deviation, best and worst case by number of errors.

    Trials of one history are correlated, those with the same number of errors are independent: an
    interval at a number of errors holds for it alone. Several faults in one word are applied in the
    order in which they occurred.
    """

    steps: int
    repeats: int = 100

    def check(self) -> None:
        for name, value in (("steps", self.steps), ("repeats", self.repeats)):
            if value < 1:
                raise InputError(f"Cumulative: {name}={value} is not allowed; at least 1")

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:  # noqa: ARG002
        text = f"{faults_in_words(faults, None)} that accumulate, 1 to {self.steps:,} of them in "
        text += f"{self.repeats:,} histories,"
        return text[0].upper() + text[1:]

    def draw(self, space: FaultSpace, seed: int) -> "CumulativeTrials":
        if self.steps > len(space):
            raise InputError(
                f"{self!r} accumulates {self.steps:,} different faults, and there are "
                f"{len(space):,}; take fewer steps"
            )
        return CumulativeTrials(self, space, seed)


class CumulativeTrials(Trials):
    """The histories of faults, step after step; each history is a permutation of all faults."""

    single = False
    grouping = Grouping("errors", "number of errors", "at error number")

    def __init__(self, sampler: Cumulative, space: FaultSpace, seed: int) -> None:
        steps = range(1, sampler.steps + 1)
        strata = [Stratum(f"errors {n}", 0, 1, len(space), sampler.repeats) for n in steps]
        super().__init__(strata, seed, shuffled=False)
        self._faults, self._repeats = len(space), sampler.repeats
        self._known: dict[int, Numbers] = {}
        # Trials are numbered step by step, so that those of one history are `repeats` apart.
        self.histories = [range(n, len(self), sampler.repeats) for n in range(sampler.repeats)]

    def __getitem__(self, trial: int) -> Numbers:
        if not 0 <= trial < len(self):
            raise IndexError(f"trial {trial} of {len(self)}")
        step, history = divmod(trial, self._repeats)
        # One permutation for each history: a longer beginning of it contains every shorter one.
        if history in self._known:
            return self._known[history][: step + 1]
        order = Permutation(self._faults, trial_key(self.seed, history))
        if len(self) > _KNOWN:
            return order(np.arange(step + 1))
        # Drawn once: in a small network, drawing takes longer than executing the trial.
        self._known[history] = order(np.arange(len(self.histories[history])))
        self._known[history].flags.writeable = False
        return self._known[history][: step + 1]

    def at(self, trials: Numbers) -> Numbers:  # noqa: ARG002
        raise TypeError("a trial of accumulated faults has many: ask for trials[i]")
