"""Every fault of some words."""

import numpy as np

from radhard.errors import InputError
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.samplers.permutation import Permutation
from radhard.space import FaultSpace, Numbers
from radhard.spec import component

__all__ = ["Words"]


@component
class Words(Sampler):
    """``n`` distinct words, each with the same chance, and all faults of each: ``Words(200)``.

    For the vulnerability of whole words, and for `Bracket`, which settles the faults of a word
    together. The word is the unit of sampling: its faults resemble each other, so that an interval
    rests on the number of words.
    """

    n: int

    def check(self) -> None:
        if self.n < 1:
            raise InputError(f"Words: n={self.n} is not allowed; at least 1 word")

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        words = int(space.starts[-1])
        if self.n > words:
            raise InputError(
                f"{self!r} asks for {self.n:,} distinct words, and there are {words:,}; ask for "
                "fewer, or for Exhaustive()"
            )
        return _WordTrials(space, self.n, seed)


class _WordTrials(Trials):
    """Word after word, each with all its variants in a row."""

    def __init__(self, space: FaultSpace, n: int, seed: int) -> None:
        whole = Stratum("the space", 0, 1, len(space), n * space.variants)
        super().__init__([whole], seed, shuffled=False)
        self.together = space.variants
        self._words = Permutation(int(space.starts[-1]), (seed, 0, space.variants))

    def at(self, trials: Numbers) -> Numbers:
        drawn, variants = np.divmod(trials, self.together)
        faults: Numbers = self._words(drawn) * self.together + variants
        return faults
