"""Which faults are in some channels of every tensor?"""

import numpy as np

from radhard.samplers import Sampler, Stratum, Trials
from radhard.space import FaultSpace, Numbers
from radhard.spec import component

__all__ = ["WholeChannels"]


@component
class WholeChannels(Sampler):
    """Every fault of every word in a share of the channels of each tensor, drawn at random."""

    share: float

    def draw(self, space: FaultSpace, seed: int) -> Trials:
        rng = np.random.default_rng(seed)
        words = []
        for site, start in zip(space.sites, space.word_starts, strict=False):
            count, each = site.shape[0], site.words // site.shape[0]
            size = min(count, int(np.ceil(self.share * count)))
            for channel in np.sort(rng.choice(count, size, replace=False)).tolist():
                words.append(int(start) + channel * each + np.arange(each))
        return _Words(space, np.concatenate(words), seed)


class _Words(Trials):
    def __init__(self, space: FaultSpace, words: Numbers, seed: int) -> None:
        faults = len(words) * int(space.variants[0])
        super().__init__([Stratum("channels", 0, 1, len(space), faults)], seed, shuffled=False)
        self.together = int(space.variants[0])
        self._words = words

    def at(self, trials: Numbers) -> Numbers:
        drawn, variants = np.divmod(trials, self.together)
        faults: Numbers = self._words[drawn] * self.together + variants
        return faults
