"""Many faults at the same time, according to an error rate."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Grouping, Sampler, Trials, rate_strata, trial_key
from radhard.space import FaultSpace, Numbers
from radhard.spec import component
from radhard.stats import rate_text

__all__ = ["ErrorRate", "ErrorRateTrials"]


@component
class ErrorRate(Sampler):
    """Trials of many faults at given error rates: ``ErrorRate((1e-6, 1e-5), trials=100)``.

    ``rates``: probability of an error, ``per="bit"`` (of every fault of the space independently:
    the bit error rate, BER, if faults are bit flips) or ``per="word"`` (a word is faulty, with one
    variant drawn uniformly). ``count="binomial"`` draws the number of faults, so that its expected
    value is correct also far below one; ``"floor"`` takes ``int(rate * size)`` for each tensor,
    which is zero for small tensors. All faults of a trial are distinct. Formats may differ by
    tensor, fault models may not: a word has one fault model.
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

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:  # noqa: ARG002
        rates = self.each
        span = (
            f"an error rate of {rate_text(rates[0])}"
            if len(rates) == 1
            else f"{len(rates)} error rates from {rate_text(min(rates))} to {rate_text(max(rates))}"
        )
        kinds = faults_in_words(faults, None)
        text = f"{kinds} at {span} per {self.per}, {self.trials:,} trials each,"
        return text[0].upper() + text[1:]

    def draw(self, space: FaultSpace, seed: int) -> "ErrorRateTrials":
        whole = [fault for fault in space.faults if not fault.by_bit]
        if whole and self.per == "bit":
            raise InputError(
                f"{self!r} is an error rate of bits, and {whole[0]!r} changes words as a whole; "
                "take per='word'"
            )
        words = {(r.site.name, r.plane, repr(r.format), r.subset) for r in space.regions}
        if len(words) < len(space.regions):
            raise InputError(
                f"{self!r}: at an error rate a word is hit in one way, and this space has several "
                "fault models or exposures for the words of a tensor; make a campaign for each"
            )
        return ErrorRateTrials(self, space, seed)


_HELD = 2**20
"""Numbers of faults that are held."""


@dataclass(frozen=True)
class _Part:
    """A range of equally likely faults, or words, of which some are drawn."""

    start: int
    size: int


class ErrorRateTrials(Trials):
    """Trials of many faults, rate after rate; each trial has its own random generator."""

    single = False

    def __init__(self, sampler: ErrorRate, space: FaultSpace, seed: int) -> None:
        strata = rate_strata(sampler.each, len(space), sampler.trials)
        super().__init__(strata, seed, shuffled=False)
        self.grouping = Grouping("rate", "error rate", "at an error rate of", sampler.per)
        self._sampler, self._space, self._seed = sampler, space, seed
        self._drawn: dict[int, Numbers] = {}
        """The trials drawn last: an engine asks for the same ones several times in a row."""
        self._held = 0
        # A scalar if all regions have the same number of variants: with a scalar bound, the
        # generator draws other numbers than with an array of equal bounds.
        kinds = np.unique(space.variants)
        self._variants = int(kinds[0]) if len(kinds) == 1 else None

    def __getitem__(self, trial: int) -> Numbers:
        if not 0 <= trial < len(self):
            raise IndexError(f"trial {trial} of {len(self)}")
        if trial not in self._drawn:
            faults = self._draw(trial)
            if self._held + len(faults) > _HELD:
                self._drawn.clear()
                self._held = 0
            self._drawn[trial] = faults
            # Of an empty trial the key is held at least.
            self._held += len(faults) + 1
        return self._drawn[trial].copy()

    def _draw(self, trial: int) -> Numbers:
        rng, rate = self._rng(trial), self._sampler.each[self.stratum(trial)]
        hit = np.concatenate(
            [
                # Not shuffled, as the faults are sorted below. The number n is drawn first, on
                # which `amount` relies.
                part.start + rng.choice(part.size, n, replace=False, shuffle=False)
                for part in self._parts()
                if (n := self._count(part, rate, rng))
            ]
            or [np.zeros(0, np.int64)]
        ).astype(np.int64)
        if self._sampler.per == "word":
            hit = self._of_words(hit, rng)
        return np.sort(hit)

    def amount(self, trial: int) -> int:
        """The number of faults of a trial, without drawing them."""
        rng, rate = self._rng(trial), self._sampler.each[self.stratum(trial)]
        # Of several parts, none is random; of one, the number is drawn before the faults.
        return sum(self._count(part, rate, rng) for part in self._parts())

    def _rng(self, trial: int) -> np.random.Generator:
        """The random number generator of one trial."""
        seeds = np.random.SeedSequence(trial_key(self._seed, trial))
        return np.random.Generator(np.random.Philox(seeds))

    def at(self, trials: Numbers) -> Numbers:  # noqa: ARG002
        raise TypeError("a trial at an error rate is many faults: ask for trials[i]")

    def _of_words(self, words: Numbers, rng: np.random.Generator) -> Numbers:
        """One fault in each of some words."""
        if self._variants is not None:
            return words * self._variants + rng.integers(self._variants, size=len(words))
        space = self._space
        places = np.searchsorted(space.word_starts, words, side="right") - 1
        variants = space.variants[places]
        inner = (words - space.word_starts[places]) * variants
        found: Numbers = space.starts[places] + inner + rng.integers(variants)
        return found

    def _parts(self) -> Sequence[_Part]:
        space = self._space
        starts = (space.word_starts if self._sampler.per == "word" else space.starts).tolist()
        if self._sampler.count == "binomial":
            # The sum of binomial numbers of one rate is binomial: one draw serves all regions.
            return [_Part(0, starts[-1])]
        return [_Part(a, b - a) for a, b in itertools.pairwise(starts)]

    def _count(self, part: _Part, rate: float, rng: np.random.Generator) -> int:
        if self._sampler.count == "floor":
            return int(rate * part.size)
        return int(rng.binomial(part.size, rate))
