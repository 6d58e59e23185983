"""Every fault of some words."""

from collections.abc import Sequence

import numpy as np

from radhard.errors import InputError
from radhard.faults import FaultModel, faults_in_words
from radhard.samplers.base import Sampler, Stratum, Trials
from radhard.samplers.permutation import Permutation
from radhard.space import FaultSpace, Numbers
from radhard.spec import component

__all__ = ["Words"]


@component
class Words(Sampler):
    """``n`` distinct words, drawn with equal probability, and all faults of each: ``Words(200)``.

    For the vulnerability of whole words, and for `Bracket`, which infers the verdicts of the faults
    of a word together. The word is the sampling unit: its faults are correlated, so that an
    interval depends on the number of words. All words of the space must have equally many faults.
    """

    n: int

    def check(self) -> None:
        if self.n < 1:
            raise InputError(f"Words: n={self.n} is not allowed; at least 1 word")

    def in_words(self, faults: Sequence[FaultModel], planned: int) -> str:
        words = "1 word" if self.n == 1 else f"{self.n:,} words"
        kinds = faults_in_words(faults, None)
        return f"All {kinds} in {words} drawn uniformly, {planned:,} in total,"

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        words, kinds = int(space.word_starts[-1]), np.unique(space.variants).tolist()
        if len(kinds) > 1:
            raise InputError(
                f"{self!r} tries every fault of a word, and words of this space have "
                f"{' or '.join(map(str, kinds))} faults; make a campaign for each, or use "
                "Uniform, PerTensor or PerBit"
            )
        if self.n > words:
            raise InputError(
                f"{self!r} asks for {self.n:,} distinct words, and there are {words:,}; ask for "
                "fewer, or for Exhaustive()"
            )
        return _WordTrials(space, self.n, seed)


class _WordTrials(Trials):
    """Word after word, each with all its variants in consecutive trials."""

    def __init__(self, space: FaultSpace, n: int, seed: int) -> None:
        variants = int(space.variants[0])
        # Not shuffled: the words are permuted, and not their faults.
        whole = Stratum("the space", 0, 1, len(space), n * variants)
        super().__init__([whole], seed, shuffled=False)
        self.together = variants
        self._words = Permutation(int(space.word_starts[-1]), (seed, 0, variants))

    def at(self, trials: Numbers) -> Numbers:
        drawn, variants = np.divmod(trials, self.together)
        # All words have equally many faults, so that the number of a word gives that of its first
        # fault, whatever the region.
        faults: Numbers = self._words(drawn) * self.together + variants
        return faults
