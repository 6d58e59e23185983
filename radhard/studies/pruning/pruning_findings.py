"""Which results of pruning do the claims need?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray

from radhard.cost import Cost
from radhard.errors import InputError
from radhard.stats import Cell, Estimate, mean_difference, mean_share

__all__ = ["Cut", "Pair", "Place", "PruningFindings", "pair_of"]

Pair = tuple[float, float]
"""Which share of the channels is taken from convolutions, and which from linear layers."""

Place = Literal["convolutions", "linear layers", "both"]

Figures = NDArray[np.float64]


def pair_of(place: Place, ratio: float) -> Pair:
    """The pair of ratios with which a share is taken from one kind of layer, or from both.

    >>> pair_of("linear layers", 0.2)
    (0.0, 0.2)
    """
    return (
        0.0 if place == "linear layers" else ratio,
        0.0 if place == "convolutions" else ratio,
    )


@final
@dataclass(frozen=True, eq=False)
class Cut:
    """A network without some of its channels."""

    ranking: str
    pair: Pair
    tuned: bool
    """Whether it was fine-tuned afterwards."""
    draw: int
    """Of a ranking by chance, which one."""
    right: NDArray[np.bool_]
    """Which of all test images are classified correctly."""
    cost: Cost


@final
@dataclass(frozen=True, eq=False)
class PruningFindings:
    """Every cut of one network; differences are taken image by image, over all test images.

    Figures of a ranking by chance are means over its draws. An interval is over the test images,
    for the cuts that were made: it says what they do on other images of the kind.
    """

    network: str
    right: NDArray[np.bool_]
    """Which of all test images the whole network gets right."""
    cost: Cost
    places: tuple[Place, ...]
    """Kinds of layers from which something can be taken."""
    ratios: tuple[float, ...]
    cuts: tuple[Cut, ...]
    choosing: NDArray[np.bool_]
    """Which of the test images `smallest` chooses by: some, and not all."""
    confidence: float = 0.95

    @cached_property
    def _known(self) -> Mapping[tuple[str, Pair, bool], list[Cut]]:
        cuts: dict[tuple[str, Pair, bool], list[Cut]] = {}
        for cut in self.cuts:
            cuts.setdefault((cut.ranking, cut.pair, cut.tuned), []).append(cut)
        return cuts

    @property
    def rankings(self) -> tuple[str, ...]:
        """Names of the rankings that were tried, in order."""
        return tuple(dict.fromkeys(cut.ranking for cut in self.cuts))

    @property
    def tried(self) -> tuple[tuple[str, Pair, bool], ...]:
        """Every ranking, pair of ratios, and whether fine-tuned, in order."""
        return tuple(self._known)

    def of(self, ranking: str, pair: Pair, *, tuned: bool) -> list[Cut]:
        """The cuts by a ranking at a pair of ratios: one, or as many as there are draws.

        Raises:
            InputError: that was not tried.
        """
        if (ranking, pair, tuned) not in self._known:
            raise InputError(f"{self.network} was not pruned by {ranking!r} at {pair}, {tuned=}")
        return self._known[ranking, pair, tuned]

    def pairs(self, place: Place) -> list[Pair]:
        """The pairs that take from one kind of layer, or the same share from both."""
        return [pair_of(place, ratio) for ratio in self.ratios]

    def accuracy(self, ranking: str, pair: Pair, *, tuned: bool) -> Estimate:
        """Share of the images that are classified correctly."""
        return mean_share(self._share(ranking, [pair], tuned), confidence=self.confidence)

    def lost(self, ranking: str, pairs: Sequence[Pair], *, tuned: bool) -> Estimate:
        """Points of accuracy that the whole network has more, in the mean over the pairs."""
        return self._points(self.right - self._share(ranking, pairs, tuned))

    def gain(self, ranking: str, than: str, pairs: Sequence[Pair], *, tuned: bool) -> Estimate:
        """Points of accuracy that one ranking has more than another, over the pairs alike."""
        first, second = (self._share(which, pairs, tuned) for which in (ranking, than))
        return self._points(first - second)

    def smallest(self, ranking: str, *, tuned: bool, loss: float) -> Cut:
        """The cut with the fewest parameters that loses at most so many points where one chooses.

        Among all pairs that were tried; the whole network is one of them. What it loses on images
        that had no part in the choice says `lost_elsewhere`.
        """
        half = self.choosing
        unpruned = Cut(ranking, (0.0, 0.0), tuned, 0, self.right, self.cost)
        # On half of the images; a cut chosen and judged on the same ones would look better than it
        # is.
        enough = 100 * self.right[half].mean() - loss
        allowed = [
            cut
            for cut in (unpruned, *self.cuts)
            if (cut.ranking, cut.tuned) == (ranking, tuned)
            and 100 * cut.right[half].mean() >= enough - 1e-9
        ]
        return min(allowed, key=lambda cut: (cut.cost.parameters, cut.cost.macs))

    def lost_elsewhere(self, cut: Cut) -> Estimate:
        """Points of accuracy lost on the images by which `smallest` does not choose."""
        other = ~self.choosing
        return self._points(self.right[other].astype(np.float64) - cut.right[other])

    def _share(self, ranking: str, pairs: Sequence[Pair], tuned: bool) -> Figures:
        """By image the share of the cuts that answer it right, draws and pairs alike."""
        if not pairs:
            raise InputError("no ratio was given, so there is no mean")
        means = [
            np.mean([cut.right for cut in self.of(ranking, pair, tuned=tuned)], axis=0)
            for pair in pairs
        ]
        shares: Figures = np.mean(means, axis=0)
        return shares

    def _points(self, by_image: Figures) -> Estimate:
        difference = mean_difference([Cell(by_image, None)], confidence=self.confidence)
        points = difference.map(lambda share: round(100 * share, 9) + 0.0, "points")
        return replace(points, trials=len(by_image))
