"""Many faults at once, as many as an error rate brings."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from radhard.errors import InputError
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.space import FaultSpace, Numbers
from radhard.spec import component

__all__ = ["ErrorRate", "ErrorRateTrials"]


@component
class ErrorRate(Sampler):
    """Trials of many faults at given error rates: ``ErrorRate((1e-6, 1e-5), trials=100)``.

    ``rates``: chance of an error, ``per="bit"`` (every fault of the space by itself: the bit error
    rate, BER, where faults are bit flips) or ``per="word"`` (a word is hit, by one variant drawn
    uniformly). ``count="binomial"`` draws how many there are, so that their expected number is
    right also where it is far below one; ``"floor"`` takes ``int(rate * size)`` for each tensor,
    which spares small tensors altogether. All faults of a trial are distinct.
    """

    rates: tuple[float, ...] | float
    trials: int = 100
    per: Literal["bit", "word"] = "bit"
    count: Literal["binomial", "floor"] = "binomial"

    def check(self) -> None:
        if not self.each or not all(0 <= rate <= 1 for rate in self.each):
            raise InputError(f"ErrorRate: rates={self.rates} is not allowed; each from 0 to 1")
        if len(set(self.each)) != len(self.each):
            raise InputError(f"ErrorRate: rates={self.rates} names a rate twice")
        if self.trials < 1:
            raise InputError(f"ErrorRate: trials={self.trials} is not allowed; at least 1")

    @property
    def each(self) -> tuple[float, ...]:
        """The rates, one or several, as a tuple."""
        return self.rates if isinstance(self.rates, tuple) else (self.rates,)

    def draw(self, space: FaultSpace, seed: int) -> "ErrorRateTrials":
        return ErrorRateTrials(self, space, seed)


@dataclass(frozen=True)
class _Part:
    """A run of equally likely things of which some are hit."""

    start: int
    size: int


class ErrorRateTrials(Trials):
    """Trials of many faults, rate after rate; each drawn from a generator of its own."""

    single = False

    def __init__(self, sampler: ErrorRate, space: FaultSpace, seed: int) -> None:
        strata = [
            Stratum(f"rate {rate:g}", 0, 1, len(space), sampler.trials) for rate in sampler.each
        ]
        super().__init__(strata, seed, shuffled=False)
        self._sampler, self._space, self._seed = sampler, space, seed

    def __getitem__(self, trial: int) -> Numbers:  # type: ignore[override]
        if not 0 <= trial < len(self):
            raise IndexError(f"trial {trial} of {len(self)}")
        chance = np.random.Generator(np.random.Philox(np.random.SeedSequence((self._seed, trial))))
        rate = self._sampler.each[self.stratum(trial)]
        by_word = self._sampler.per == "word"
        variants = self._space.variants
        hit = np.concatenate(
            [
                part.start + chance.choice(part.size, n, replace=False, shuffle=False)
                for part in self._parts(1 if by_word else variants)
                if (n := self._count(part, rate, chance))
            ]
            or [np.zeros(0, np.int64)]
        ).astype(np.int64)
        if by_word:
            hit = hit * variants + chance.integers(variants, size=len(hit))
        return np.sort(hit)

    def at(self, trials: Numbers) -> Numbers:  # noqa: ARG002
        raise TypeError("a trial at an error rate is many faults: ask for trials[i]")

    def _parts(self, per_word: int) -> Sequence[_Part]:
        starts = (self._space.starts * per_word).tolist()
        if self._sampler.count == "binomial":
            return [_Part(0, starts[-1])]
        return [_Part(a, b - a) for a, b in itertools.pairwise(starts)]

    def _count(self, part: _Part, rate: float, chance: np.random.Generator) -> int:
        if self._sampler.count == "floor":
            return int(rate * part.size)
        return int(chance.binomial(part.size, rate))
