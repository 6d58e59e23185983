"""Which pairs of a trial and a sample are executed although their verdict can be inferred?"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from radhard.samplers.permutation import Permutation
from radhard.space import Numbers

__all__ = ["Draw", "Pairs", "Starts", "is_measured"]

_FEWEST = 10_000
"""Minimum number of pairs executed in a campaign; one per trial if it has fewer trials."""

_LARGEST = 0.1
"""Share up to which `_FEWEST` may raise the requested one."""

_FEWEST_WHOLE = 64
"""Approximate number of trials per campaign that are executed with all samples, if one variant of
every word needs this. With 20, 7 of 27 such trials in a campaign of 3,000 were executed, so that
41 % of their verdicts might be wrong; this alone made the interval as wide as sampling."""

_FEWEST_ALONE = 128
"""The same if each of them is executed with a single sample, which takes a fraction of the time."""

_MEASURED, _FEWEST_MEASURED = 0.05, 200
"""Share of the trials of one sample each that is measured, and minimum number in a campaign."""

_KEPT = 2**20
"""Maximum number of faults whose draws are computed together and kept."""

_PILOT, _SAMPLE, _TRIALS, _MEASURING, _ALONE = 0x70696C, 0x736D70, 0x747269, 0x6D6561, 0x616C6F
"""Purposes of the draws, so that they are independent of each other and of the draw of faults."""

Pairs = tuple[Numbers, Numbers]
"""Positions of trials, and the number of a sample for each."""


class Starts:
    """A number in (0, 1) for each fault and purpose, evenly distributed over the faults of a space.

    Those of the ``kept`` faults, such as those of a campaign, are computed all at once when one of
    them is first asked for: a call for the few of each chunk takes far longer.

    >>> starts = Starts(6, seed=1, kept=np.array([4, 2]))
    >>> found = starts.of(np.arange(6), purpose=0)
    >>> [round(float(x) * 6, 6) for x in sorted(found)]
    [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    >>> bool((starts.of(np.array([2, 4]), purpose=0) == found[[2, 4]]).all())
    True
    """

    def __init__(self, space: int, seed: int, kept: Numbers | None = None) -> None:
        self._space, self._seed = space, seed
        some = kept is not None and len(kept) <= _KEPT
        self._kept: Numbers = np.unique(kept) if some and kept is not None else np.zeros(0, int)
        self._known: dict[int, npt.NDArray[np.float64]] = {}

    def of(self, faults: Numbers, purpose: int) -> npt.NDArray[np.float64]:
        """The numbers of some faults."""
        if len(self._kept):
            at = np.minimum(np.searchsorted(self._kept, faults), len(self._kept) - 1)
            if (self._kept[at] == faults).all():
                if purpose not in self._known:
                    self._known[purpose] = self._drawn(self._kept, purpose)
                return self._known[purpose][at]
        return self._drawn(faults, purpose)

    def _drawn(self, faults: Numbers, purpose: int) -> npt.NDArray[np.float64]:
        # The middle of one of as many equal parts as there are faults.
        drawn = Permutation(self._space, (self._seed, purpose))(faults)
        starts: npt.NDArray[np.float64] = (drawn + 0.5) / self._space
        return starts


@dataclass(frozen=True)
class Draw:
    """Pairs drawn at random from the seed.

    Whether a pair is drawn depends only on the seed and the fault: not on the other trials, their
    order or the worker that executes them, so that a continued run draws the same pairs. Pairs are
    drawn rather than whole trials since many trials then contribute to the audit at the same cost.

    A quarter of the pairs is a pilot that decides whether verdicts are inferred at all; the others
    estimate the share of wrong verdicts if they are. With one draw for both purposes, an estimate
    would be kept only if it happened to contain few wrong verdicts, and would be biased.
    """

    space: int
    """Number of faults in the space."""
    seed: int
    samples: int
    """Number of samples that each trial affects."""
    trials: int
    """Number of trials in the campaign."""
    audit: float
    """Requested share of the pairs."""
    measures: bool = False
    """Whether figures that do not follow from predictions are measured on some pairs, which are
    then part of the estimate of the share of wrong verdicts, too."""
    starts: Starts | None = field(default=None, compare=False)
    """That of this space and seed, if it outlives this draw."""

    @property
    def share(self) -> float:
        """The share of all pairs that is in either of the two draws."""
        if self.audit == 0 or self.samples == 1:
            return self.audit
        # Small campaigns would otherwise check so few pairs that their intervals are wide.
        least = min(self.trials, _FEWEST) / (self.trials * self.samples)
        return max(self.audit, min(least, _LARGEST))

    @property
    def pilot_share(self) -> float:
        """The share of all pairs that the pilot executes."""
        return self.share / 4

    @property
    def sample_share(self) -> float:
        """The share of the pairs outside the pilot that is drawn for the estimate."""
        return max((self.share - self.pilot_share) / (1 - self.pilot_share), self.measured_share)

    @property
    def measured_share(self) -> float:
        """The share of the pairs on which figures are measured."""
        if not self.measures:
            return 0.0
        if self.samples > 1:
            return 1 / self.samples
        return min(1.0, max(_MEASURED, _FEWEST_MEASURED / self.trials))

    @property
    def whole_share(self) -> float:
        """The share of the trials of one variant that is executed with all samples."""
        return _FEWEST_WHOLE / self.trials

    @property
    def alone_share(self) -> float:
        """The share of the trials of one variant that is executed with one sample each."""
        return _FEWEST_ALONE / self.trials

    def pilot(self, faults: Numbers) -> Pairs:
        """The pairs that decide whether verdicts are inferred."""
        return self._pairs(faults, self.pilot_share, _PILOT)

    def sample(self, faults: Numbers) -> Pairs:
        """The pairs of the estimate; pairs of the pilot may be among them."""
        measured = self.measured_share
        if measured == 1:
            return self.measured(faults)
        # Both draws are independent, and together contain the requested share of the pairs.
        more = self._pairs(faults, (self.sample_share - measured) / (1 - measured), _SAMPLE)
        if not measured:
            return more
        rows, columns = (
            np.concatenate(both) for both in zip(self.measured(faults), more, strict=True)
        )
        return np.divmod(np.unique(rows * self.samples + columns), self.samples)

    def measured(self, faults: Numbers) -> Pairs:
        """The pairs on which figures are measured: one sample of each trial.

        If trials have one sample each, these are some of the trials.
        """
        if self.samples == 1:
            rows = np.flatnonzero(self._starts(faults, _MEASURING) < self.measured_share)
            return rows, np.zeros_like(rows)
        return np.arange(len(faults)), self._one_each(faults, _MEASURING)

    def alone(self, faults: Numbers) -> Numbers:
        """The sample with which each of these trials is executed, if with one."""
        return self._one_each(faults, _ALONE)

    def _one_each(self, faults: Numbers, purpose: int) -> Numbers:
        start = self._starts(faults, purpose)
        # The product may be rounded up to the number of samples.
        at = np.minimum(np.floor(start * self.samples).astype(np.int64), self.samples - 1)
        found: Numbers = _order(self.samples, self.seed, purpose)[at]
        return found

    def whole(self, faults: Numbers, number: int) -> Numbers:
        """Positions of ``number`` trials that are executed with all samples."""
        ranks = Permutation(self.space, (self.seed, _TRIALS))(faults)
        return np.sort(np.argsort(ranks, kind="stable")[:number])

    def _pairs(self, faults: Numbers, share: float, purpose: int) -> Pairs:
        """For every trial, samples at equal distances from a random start.

        Systematic sampling: the number of samples per trial varies by at most 1.
        """
        if share == 0 or not len(faults):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        start = self._starts(faults, purpose)
        steps = np.arange(int(self.samples * share) + 1)
        at = np.floor((start[:, None] + steps) / share).astype(np.int64)
        rows, columns = np.nonzero(at < self.samples)
        # In random order, so that a periodic pattern in the data cannot coincide with the distance.
        order = _order(self.samples, self.seed, purpose)
        return rows, order[at[rows, columns]]

    def _starts(self, faults: Numbers, purpose: int) -> npt.NDArray[np.float64]:
        starts = Starts(self.space, self.seed) if self.starts is None else self.starts
        return starts.of(faults, purpose)


def is_measured(faults: Numbers, share: float, space: int, seed: int) -> npt.NDArray[np.bool_]:
    """Which trials of one sample each are in the random ``share`` on which figures are measured."""
    drawn: npt.NDArray[np.bool_] = Starts(space, seed).of(faults, _MEASURING) < share
    return drawn


@lru_cache
def _order(samples: int, seed: int, purpose: int) -> Numbers:
    """The samples in random order."""
    order = Permutation(samples, (seed, purpose))(np.arange(samples))
    order.flags.writeable = False  # shared by all who ask for it
    return order
