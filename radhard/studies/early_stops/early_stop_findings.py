"""What is known of the faults of one network that end at the faulty layer?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, final

from radhard.stats import Estimate, clopper_pearson, wilson

__all__ = ["EarlyStopFindings", "Inputs", "StoppedTrials"]

Inputs = Literal["analyzed", "held out", "unseen"]
"""Samples from which the ranges were computed, other training samples, or test samples."""


@final
@dataclass(frozen=True)
class StoppedTrials:
    """Trials in one register of one layer, in one dataflow, and how they ended.

    A settled trial was executed all the same, to find out whether the verdict is that of a full
    simulation.
    """

    dataflow: str
    layer: str
    register: str
    inputs: Inputs
    guard: float
    """That of `Hybrid`."""
    trials: int
    masked: int
    """Trials that change no neuron of the layer."""
    settled: int
    """Other trials that end at the layer, as the ranges tell their effect."""
    wrong: int
    """Settled trials with another effect."""


@final
@dataclass(frozen=True)
class EarlyStopFindings:
    """All groups of trials of a network."""

    network: str
    guard: float
    """Of the groups that are meant where no other guard is named."""
    analyzed: int
    """Number of samples from which the ranges were computed."""
    seconds: float
    """Processor time that the ranges took."""
    groups: Sequence[StoppedTrials]

    def share(
        self, chosen: Callable[[StoppedTrials], bool], *, guard: float | None = None
    ) -> Estimate:
        """Share of the trials of some groups that end at the faulty layer, with Wilson's interval.

        Every register of a layer has as many trials as any other.
        """
        mine = self.chosen(chosen, guard)
        trials = sum(group.trials for group in mine)
        ended = sum(group.masked + group.settled for group in mine)
        low, high = wilson(ended / trials, trials)
        return Estimate(ended / trials, low, high, confidence=0.95, trials=trials, unit="share")

    def agreement(
        self, chosen: Callable[[StoppedTrials], bool], *, guard: float | None = None
    ) -> Estimate | None:
        """Share of the settled trials of some groups with the verdict of a full simulation.

        Clopper-Pearson's interval; None if no trial was settled.
        """
        mine = self.chosen(chosen, guard)
        settled, wrong = (sum(getattr(g, name) for g in mine) for name in ("settled", "wrong"))
        if not settled:
            return None
        low, high = clopper_pearson(settled - wrong, settled)
        value = 1 - wrong / settled
        return Estimate(value, low, high, confidence=0.95, trials=settled, unit="share")

    def chosen(
        self, chosen: Callable[[StoppedTrials], bool], guard: float | None = None
    ) -> list[StoppedTrials]:
        """Some of the groups with a guard."""
        guard = self.guard if guard is None else guard
        return [group for group in self.groups if group.guard == guard and chosen(group)]
