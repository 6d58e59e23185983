"""Upsets that occur in some inferences and not in others."""

from collections.abc import Sequence

import numpy as np

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Grouping, Sampler, Trials, rate_strata, trial_key
from radhard.space import FaultSpace, Numbers
from radhard.spec import component
from radhard.stats import rate_text

__all__ = ["UpsetRate"]


@component
class UpsetRate(Sampler):
    """Single-event transients at given rates: ``UpsetRate((1e-3, 1e-2), count=2, trials=50)``.

    A trial is one pass over all samples. In every inference, that is for every sample, each tensor
    of the space is hit with the probability of the rate, independently; then ``count`` different
    words of that tensor and sample have a fault, one variant each, drawn uniformly. To hit one
    layer at a time, make a campaign for each. Only for values that are computed anew in every
    inference (``Activations("*")``, ``Inputs("*")``), of one fault model.
    """

    rates: tuple[float, ...] | float
    count: int = 1
    trials: int = 100

    def check(self) -> None:
        if not self.each or not all(0 <= rate <= 1 for rate in self.each):
            raise InputError(f"UpsetRate: rates={self.rates} is not allowed; each from 0 to 1")
        if len(set(self.each)) != len(self.each):
            raise InputError(f"UpsetRate: rates={self.rates} names a rate twice")
        for name, value in (("count", self.count), ("trials", self.trials)):
            if value < 1:
                raise InputError(f"UpsetRate: {name}={value} is not allowed; at least 1")

    @property
    def each(self) -> tuple[float, ...]:
        """The rates, one or several, as a tuple."""
        return self.rates if isinstance(self.rates, tuple) else (self.rates,)

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:  # noqa: ARG002
        rates = self.each
        span = rate_text(min(rates))
        span += f" to {rate_text(max(rates))}" if len(rates) > 1 else ""
        text = f"{faults_in_words(faults, self.count)} per upset of a tensor, at a rate of {span} "
        return f"{text}per inference, {self.trials:,} trials each,"

    def draw(self, space: FaultSpace, seed: int) -> "UpsetTrials":
        names = [site.name for site in space.sites]
        for site in space.sites:
            if site.samples is None:
                raise InputError(
                    f"{self!r} upsets values of single inferences, and {site.name!r} is not "
                    "computed anew for each sample; take Activations(..., sample='one') or "
                    "Inputs(...), or ErrorRate(...) for faults that stay"
                )
            if np.prod(site.shape, dtype=np.int64) < self.count:
                raise InputError(
                    f"{self!r} upsets {self.count} words at once, and {site.name!r} has fewer; "
                    "take a smaller count"
                )
        if len(set(names)) < len(names):
            raise InputError(f"{self!r} takes one fault model; make a campaign for each")
        return UpsetTrials(self, space, seed)


class UpsetTrials(Trials):
    """Trials of upsets, rate after rate; each trial has its own random generator."""

    single = False
    grouping = Grouping("rate", "upset rate", "at an upset rate of", "inference")

    def __init__(self, sampler: UpsetRate, space: FaultSpace, seed: int) -> None:
        strata = rate_strata(sampler.each, len(space), sampler.trials)
        super().__init__(strata, seed, shuffled=False)
        self._sampler, self._space = sampler, space

    def __getitem__(self, trial: int) -> Numbers:
        if not 0 <= trial < len(self):
            raise IndexError(f"trial {trial} of {len(self)}")
        seeds = np.random.SeedSequence(trial_key(self.seed, trial))
        chance = np.random.Generator(np.random.Philox(seeds))
        rate = self._sampler.each[self.stratum(trial)]
        found = [np.zeros(0, np.int64)]
        for place, region in enumerate(self._space.regions):
            samples = region.site.samples
            assert samples is not None
            inner = region.words // samples
            hit = np.flatnonzero(chance.random(samples) < rate)
            words = _distinct(chance, len(hit), self._sampler.count, inner)
            variants = chance.integers(region.variants, size=words.shape)
            # Words are numbered sample by sample, and faults word by word, ``(hits, count)``.
            faults = (hit[:, None] * inner + words) * region.variants + variants
            found.append(int(self._space.starts[place]) + faults.reshape(-1))
        return np.concatenate(found)

    def at(self, trials: Numbers) -> Numbers:  # noqa: ARG002
        raise TypeError("a trial of upsets in some samples has many faults: ask for trials[i]")


def _distinct(chance: np.random.Generator, rows: int, count: int, size: int) -> Numbers:
    """Numbers below ``size``, different within each row, ``(rows, count)``."""
    if count * count > size:
        # From about the square root of the size on, repetitions are likely (the birthday problem),
        # so that drawing again would rarely end.
        drawn = [chance.choice(size, count, replace=False) for _ in range(rows)]
        return np.array(drawn, np.int64).reshape(rows, count)
    # Drawn with replacement, and again where a number occurs twice, which is rare here.
    words = chance.integers(size, size=(rows, count))
    while len(again := np.flatnonzero(_repeats(words))):
        words[again] = chance.integers(size, size=(len(again), count))
    return words


def _repeats(words: Numbers) -> np.ndarray:
    ordered = np.sort(words, axis=1)
    found: np.ndarray = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    return found
