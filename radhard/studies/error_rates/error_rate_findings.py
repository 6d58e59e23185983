"""How accurate are the variants of one network, without faults and under them?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from numpy.typing import NDArray

from radhard.cost import Overhead
from radhard.errors import InputError
from radhard.stats import Cell, Estimate, mean_difference, stratified_mean
from radhard.studies.claim import exactly

__all__ = ["ErrorRateCampaign", "ErrorRateFindings", "MeasuredVariant", "short"]

Figures = NDArray[np.float64]

_ENDLESS = 10**15
"""Sets of faults that a rate may bring: endlessly many, and at each rate alike."""


@final
@dataclass(frozen=True, eq=False)
class ErrorRateCampaign:
    """A campaign at error rates: by rate the accuracy of each trial, as a share of the images."""

    faults: int
    """Number of bits in which faults are injected."""
    flips: Mapping[float, float]
    """Mean number of faulty bits in a trial."""
    accuracy: Mapping[float, Figures]


@final
@dataclass(frozen=True, eq=False)
class MeasuredVariant:
    """One way to protect a network, measured."""

    hardening: str
    right: NDArray[np.bool_]
    """Which of all test images are classified correctly without faults."""
    accuracy: float
    """Share of the campaign's images that are classified correctly without faults."""
    cost: Overhead
    added: tuple[int, ...]
    """Numbers stored in each part that was put in, in the order of the modules."""
    common: ErrorRateCampaign
    """The faults of the unprotected network, trial by trial the same ones."""
    own: ErrorRateCampaign
    """Faults in all that this network stores, copies and thresholds included."""


@final
@dataclass(frozen=True, eq=False)
class ErrorRateFindings:
    """All ways to protect one network, measured; the first one is not protected."""

    network: str
    images: int
    measured: Mapping[str, MeasuredVariant]
    confidence: float = 0.95
    _known: dict[tuple[str, tuple[float, ...], bool], Estimate] = field(default_factory=dict)
    """Means that were asked for before: page, figures and numbers ask for the same ones."""

    @property
    def base(self) -> MeasuredVariant:
        """The unprotected network."""
        return next(iter(self.measured.values()))

    @property
    def rates(self) -> tuple[float, ...]:
        """The error rates, ascending."""
        return tuple(sorted(self.base.own.accuracy))

    def accuracy(self, name: str, rates: Sequence[float], *, common: bool) -> Estimate:
        """Mean accuracy under faults, with equal weight for all rates."""
        key = name, tuple(rates), common
        if key not in self._known:
            cells = [Cell(trials, _ENDLESS) for trials in self._trials(name, rates, common)]
            self._known[key] = stratified_mean(cells, confidence=self.confidence)
        return self._known[key]

    def drop(self, name: str, rates: Sequence[float], *, common: bool) -> Estimate:
        """Points of accuracy lost: of the unprotected, fault-free network less this one's."""
        free = self.base.accuracy
        accuracy = self.accuracy(name, rates, common=common)
        # Rounded, so that an unchanged figure is printed as zero.
        return accuracy.map(lambda share: round(100 * (free - share), 9) + 0.0, "points")

    def gain(self, name: str, than: str, rates: Sequence[float], *, common: bool) -> Estimate:
        """Points of accuracy that one has more than another under faults, over the rates alike.

        Trials are taken in pairs: the same faults where they are ``common``, which is far sharper;
        else trials that are alike only in their number, which is two independent means.
        """
        first, second = (self._trials(which, rates, common) for which in (name, than))
        cells = [Cell(a - b, _ENDLESS) for a, b in zip(first, second, strict=True)]
        difference = mean_difference(cells, confidence=self.confidence)
        return difference.map(lambda share: 100 * share, "points")

    def free_drop(self, name: str) -> Estimate:
        """Points of accuracy lost without any fault, on the test images, all of them."""
        lost = self.base.right.astype(np.int64) - self.measured[name].right
        return exactly(100 * float(lost.mean()), "points", len(lost))

    def free_drop_elsewhere(self, name: str) -> Estimate:
        """Points of accuracy lost without any fault, on images of the kind of the test images."""
        lost = self.base.right.astype(np.float64) - self.measured[name].right
        difference = mean_difference([Cell(lost, None)], confidence=self.confidence)
        return difference.map(lambda share: 100 * share, "points")

    def harmed(self, points: float) -> tuple[float, ...]:
        """Rates at which the unprotected network surely loses so many points.

        Chosen by that network alone, so that no comparison chooses its own rates.
        """
        unprotected = next(iter(self.measured))
        losses = {rate: self.drop(unprotected, [rate], common=True) for rate in self.rates}
        return tuple(rate for rate, lost in losses.items() if lost.low >= points)

    def _trials(self, name: str, rates: Sequence[float], common: bool) -> list[Figures]:
        """Accuracy trial by trial, rate by rate."""
        if not rates:
            raise InputError("no error rate was given, so there is no mean")
        campaign = self.measured[name].common if common else self.measured[name].own
        return [campaign.accuracy[rate] for rate in rates]


def short(estimate: Estimate) -> str:
    """The figure and its interval, without the rest.

    >>> short(Estimate(0.0042, 0.0031, 0.0057, confidence=0.95, trials=2000))
    '0.42 % [0.31 %, 0.57 %]'
    """
    return str(estimate).partition(" (")[0].replace(" points", "")
