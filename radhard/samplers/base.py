"""What does a sampler provide?"""

from abc import abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import nn

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.notes import Note
from radhard.samplers.permutation import Permutation, Permutations
from radhard.samplers.trial_directions import TrialDirections
from radhard.space import FaultSpace, Numbers
from radhard.spec import Component, Family
from radhard.stats import rate_text

__all__ = [
    "SAMPLERS",
    "Grouping",
    "Sampler",
    "Stratum",
    "Trials",
    "draw_strata",
    "rate_strata",
    "trial_key",
]


_MOST_TRIALS = 2**62
"""So that the number of a trial, and any sum with it, fits into 64 bits."""

_KEPT = 2**16
"""Number of trials up to which all faults are drawn at once and kept."""


@dataclass(frozen=True)
class Stratum:
    """A part of the fault space that is sampled separately, without replacement.

    Its faults are ``start, start + step, ...``, ``population`` of them, of which ``trials`` are
    tried. If ``step`` is 0 they are not evenly spaced (`StagedTrials`).
    """

    name: str
    start: int
    step: int
    population: int
    trials: int
    cap: float = 1.0
    """The largest value that one of its faults can have, of metrics from 0 to 1."""


@dataclass(frozen=True)
class Grouping:
    """In what trials of many faults differ: every value of it is a stratum, ``"rate 1e-06"``."""

    name: str
    """Of the grouping, as in ``results.rate(by="rate")``, and of the strata."""
    quantity: str
    """A noun phrase for tables and axes: ``error rate``."""
    at: str
    """What precedes a value in a sentence: ``at an error rate of``."""
    per: str = ""
    """To what the value relates: ``bit``."""

    def value(self, stratum: str) -> str:
        """The value in the name of a stratum.

        >>> Grouping("rate", "error rate", "at an error rate of", "bit").value("rate 1e-06")
        '1e-06'
        """
        return stratum.removeprefix(f"{self.name} ")


class Trials:
    """The trials of a campaign, drawn on access: ``trials[i]`` holds the faults of trial i.

    In this class each trial is a single fault, stratum after stratum. Trial i does not depend on
    which trials are accessed, in which order, or in which process.
    """

    single = True
    """Whether every trial is one fault of a stratum."""

    together = 1
    """Number of consecutive trials, from trial 0, that are drawn together as one sampling unit."""

    grouping: Grouping | None = None
    """In what the strata differ, if trials have many faults; None if `single`."""

    histories: Sequence[range] = ()
    """Trials each of which has the faults of the one before it and more, if there are such."""

    listed: Numbers | None = None
    """All faults of the only stratum, if they are a list instead of evenly spaced."""

    sizes: Numbers | None = None
    """Strata, kinds of faults by gate and direction, and the number of faults in both, if strata
    are not evenly spaced."""

    capped: str | None = None
    """The figure of which the caps of the strata hold, if they have any."""

    directions: TrialDirections | None = None
    """In which direction each trial's fault changes its value, where that is recorded."""

    notes: tuple[Note, ...] = ()
    """What a reader of the results should know about how the faults were chosen."""

    def __init__(self, strata: Sequence[Stratum], seed: int, *, shuffled: bool = True) -> None:
        if not 0 <= seed < 2**128:
            raise InputError(f"seed={seed} is not allowed; a whole number from 0, below 2**128")
        self.strata = tuple(strata)
        if (planned := sum(stratum.trials for stratum in self.strata)) > _MOST_TRIALS:
            raise InputError(
                f"{planned:.3g} trials are too many to be counted; ask for fewer trials"
            )
        self.seed = seed
        self._ends = np.cumsum([stratum.trials for stratum in self.strata]).tolist()
        self._orders = (
            # Keyed by the faults of a stratum and not by its position, so that its order does not
            # depend on what other strata there are.
            [Permutation(s.population, (seed, s.start, s.step)) for s in self.strata]
            if shuffled
            else []
        )

    def __repr__(self) -> str:
        n = len(self.strata)
        return f"<{len(self):,} trials in {n:,} {'stratum' if n == 1 else 'strata'}>"

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, trial: int) -> Numbers:
        if not 0 <= trial < len(self):
            raise IndexError(f"trial {trial} of {len(self)}")
        return self.at(np.array([trial], np.int64))

    def __iter__(self) -> Iterator[Numbers]:
        return (self[trial] for trial in range(len(self)))

    def at(self, trials: Numbers) -> Numbers:
        """The fault numbers of many trials at once, one each."""
        if not len(trials):
            return np.zeros(0, np.int64)
        if self._ends[-1] <= _KEPT:
            found: Numbers = self._all_faults[trials]
            return found
        return self._draw_at(trials)

    @cached_property
    def _all_faults(self) -> Numbers:
        # Of a few trials at a time, calling numpy takes longer than drawing all.
        return self._draw_at(np.arange(self._ends[-1]))

    def _draw_at(self, trials: Numbers) -> Numbers:
        which = self.strata_of(trials)
        begins, starts, steps = self._lines
        drawn = trials - begins[which]
        if not self._orders:
            pass
        # One permutation for all trials is faster. Comparing the ends rejects most others at once.
        elif which[0] == which[-1] and (which == which[0]).all():
            drawn = self._orders[which[0]](drawn)
        else:
            drawn = self._permutations(which, drawn)
        return starts[which] + steps[which] * drawn

    @cached_property
    def _permutations(self) -> Permutations:
        return Permutations(self._orders)

    @cached_property
    def _lines(self) -> tuple[Numbers, Numbers, Numbers]:
        """The first trial, the first fault and the step of every stratum."""
        first = [end - s.trials for end, s in zip(self._ends, self.strata, strict=True)]
        columns = (first, [s.start for s in self.strata], [s.step for s in self.strata])
        begins, starts, steps = (np.array(column, np.int64) for column in columns)
        return begins, starts, steps

    def stratum(self, trial: int) -> int:
        """The position in `strata` of the stratum that a trial belongs to."""
        return bisect_right(self._ends, trial)

    def strata_of(self, trials: Numbers) -> Numbers:
        """The positions in `strata` of the strata of many trials."""
        # A stratum without trials ends where the one before it does; side="right" skips it.
        return np.searchsorted(self._ends, trials, side="right")


class Sampler(Component):
    """Which faults of a space are tried, and how many: the only place where faults are drawn.

    Trial i depends on the seed and on i alone, so that results depend neither on the engine nor on
    interruptions. To write a sampler, define `draw`, which returns the trials by strata.
    """

    @abstractmethod
    def draw(self, space: FaultSpace, seed: int) -> Trials:
        """The trials; trial i depends only on ``(seed, i)``.

        Raises:
            InputError: more distinct faults are requested than the space has.
        """

    def informed(self, model: nn.Module, space: FaultSpace) -> "Sampler":  # noqa: ARG002
        """This sampler with what it needs to know about the values of the model.

        The run file has the result, from which the same trials are drawn without the model.
        """
        return self

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        """The faults that are drawn, and how, as the beginning of a sentence.

        Args:
            faults: the fault models of the space.
            planned: the number of trials.
        """
        return f"{planned:,} trials of {faults_in_words(faults, None)} drawn by {self!r},"


SAMPLERS: Family[Sampler] = Family(Sampler)
"""The samplers of radhard, and how one is read from text."""


def draw_strata(strata: Sequence[Stratum], seed: int, n: int | None) -> Trials:
    """Trials of single faults; ``n`` of every stratum, or all if a stratum has fewer."""
    trials = Trials(strata, seed)
    small = [s for s in strata if n is not None and s.population < n]
    if small:
        sizes = {stratum.name: stratum.population for stratum in small}
        trials.notes = (Note("small strata", {"strata": sizes, "of": len(strata), "asked": n}),)
    return trials


def rate_strata(rates: Sequence[float], population: int, trials: int) -> list[Stratum]:
    """A stratum of so many trials for each rate; no two have the same name.

    >>> [stratum.name for stratum in rate_strata((1e-06, 0.1234567, 0.1234568), 9, 50)]
    ['rate 1e-06', 'rate 0.1234567', 'rate 0.1234568']
    """
    short = Counter(map(rate_text, rates))
    # The full text of a rate is not the short text of another, as it would then be its own as well.
    names = [text if short[text := rate_text(rate)] == 1 else repr(float(rate)) for rate in rates]
    return [Stratum(f"rate {name}", 0, 1, population, trials) for name in names]


def trial_key(seed: int, number: int) -> tuple[int, ...]:
    """The key of the random numbers of a trial, or a history; different for every pair.

    `numpy.random.SeedSequence` joins the 32-bit words of all numbers of a key, so that those of
    ``(2**32 + 5, 0)`` and of ``(5, 1)`` are equal. A seed of several words is therefore extended to
    the largest number of words that a seed of a campaign has.

    >>> trial_key(5, 1), trial_key(2**32 + 5, 0)
    ((5, 1), (5, 1, 0, 0, 0))
    """
    if seed < 2**32:
        return seed, number
    words = max(4, -(-seed.bit_length() // 32))
    return *(seed >> 32 * n & (2**32 - 1) for n in range(words)), number
