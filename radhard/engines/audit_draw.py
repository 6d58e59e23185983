"""Which pairs of a trial and a sample are tried although their verdict could be inferred?"""

from dataclasses import dataclass

import numpy as np

from radhard.samplers.permutation import Permutation
from radhard.space import Numbers

__all__ = ["Draw", "Pairs"]

_FEWEST = 10_000
"""Pairs that are tried in a campaign however small the share; one a trial in a smaller one."""

_LARGEST = 0.1
"""Share up to which `_FEWEST` raises the one that was asked for."""

_FEWEST_WHOLE = 20
"""Trials with all samples in a campaign, about, if one variant in a word needs them."""

_PILOT, _SAMPLE, _TRIALS = 0x70696C, 0x736D70, 0x747269
"""Purposes of the chance, so that the draws are independent of each other and of the faults'."""

Pairs = tuple[Numbers, Numbers]
"""Positions of trials, and for each the number of a sample."""


@dataclass(frozen=True)
class Draw:
    """Pairs drawn by the seed: each whatever else is tried, in any order and by any worker.

    A quarter of them is a pilot that decides whether inferring works at all; the others estimate
    what is wrong where it does. One draw for both would let only those estimates stand that
    happened to find little.
    """

    space: int
    """Faults in the space."""
    seed: int
    samples: int
    """That each trial concerns."""
    trials: int
    """In the campaign."""
    audit: float
    """Share of the pairs that is asked for."""

    @property
    def share(self) -> float:
        """Of all pairs, what is drawn in both draws together."""
        if self.audit == 0 or self.samples == 1:
            return self.audit
        least = min(self.trials, _FEWEST) / (self.trials * self.samples)
        return max(self.audit, min(least, _LARGEST))

    @property
    def pilot_share(self) -> float:
        """The share of all pairs that the pilot executes."""
        return self.share / 4

    @property
    def sample_share(self) -> float:
        """Of the pairs that are not in the pilot."""
        return (self.share - self.pilot_share) / (1 - self.pilot_share)

    @property
    def whole_share(self) -> float:
        """Of the trials of one variant, what is tried with all samples."""
        return _FEWEST_WHOLE / self.trials

    def pilot(self, faults: Numbers) -> Pairs:
        """The pairs by which it is decided."""
        return self._pairs(faults, self.pilot_share, _PILOT)

    def sample(self, faults: Numbers) -> Pairs:
        """The pairs by which is estimated; those of the pilot may be among them."""
        return self._pairs(faults, self.sample_share, _SAMPLE)

    def whole(self, faults: Numbers, number: int) -> Numbers:
        """Positions of so many trials that are tried with all samples."""
        ranks = Permutation(self.space, (self.seed, _TRIALS))(faults)
        return np.sort(np.argsort(ranks, kind="stable")[:number])

    def _pairs(self, faults: Numbers, share: float, purpose: int) -> Pairs:
        """Of every trial the samples at equal distances from a random start."""
        if share == 0 or not len(faults):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        start = (Permutation(self.space, (self.seed, purpose))(faults) + 0.5) / self.space
        steps = np.arange(int(self.samples * share) + 1)
        at = np.floor((start[:, None] + steps) / share).astype(np.int64)
        rows, columns = np.nonzero(at < self.samples)
        # In an order of chance: nothing that comes and goes along the data falls into step.
        order = Permutation(self.samples, (self.seed, purpose))(np.arange(self.samples))
        return rows, order[at[rows, columns]]
