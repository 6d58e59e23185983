"""How much accuracy do transients in activations and errors in weights cost?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from radhard.results import Results
from radhard.samplers import Cumulative, UpsetRate
from radhard.stats import Cell, Estimate, mean_difference, mean_share
from radhard.studies.upsets.activation_errors import ActivationErrors

__all__ = ["Equal", "UpsetFindings"]

Reals = NDArray[np.float64]

Equal = Literal["number", "rate"]
"""What two layers have in common: the number of errors, or the error rate per bit."""

_ENDLESS = 10**12
"""Inferences, or histories, that there may be."""


@final
@dataclass(frozen=True, eq=False)
class UpsetFindings:
    """One network: errors of activations, campaigns of transients, campaigns of accumulation."""

    network: str
    right: NDArray[np.bool_]
    """Which of the images for transients are classified correctly without faults."""
    images: int
    """Images on which networks with faulty weights are evaluated."""
    errors: Sequence[ActivationErrors]
    transients: Mapping[int, Results]
    """By the number of flips in an upset; upsets in the outputs of all layers."""
    layer_transients: Mapping[str, Results]
    """An upset of one flip in every inference, by layer."""
    values: Mapping[str, int]
    """Number of values in the output of each layer."""
    memory: Results
    layer_memory: Mapping[str, Results]
    """Errors in the weights of one layer, by layer, in the order of the layers."""
    bits: Mapping[str, int]
    """Number of stored bits of the weights of each layer."""
    _courses: dict[int, Reals] = field(default_factory=dict)

    @property
    def rates(self) -> tuple[float, ...]:
        """Probabilities of an upset of a layer's output."""
        sampler = next(iter(self.transients.values())).sampler
        assert isinstance(sampler, UpsetRate)
        return sampler.each

    def loss(self, flips: int, rate: float) -> Estimate:
        """Points of accuracy lost by transients in the outputs of all layers at a probability."""
        return self.loss_difference((1.0, flips, rate))

    def loss_difference(self, *terms: tuple[float, int, float]) -> Estimate:
        """A weighted sum of losses, in points; a term is the weight, the flips and the rate."""
        return _weighted(
            (weight, self._changes(self.transients[flips], self.rates.index(rate)))
            for weight, flips, rate in terms
        )

    def layer_loss(self, layer: str) -> Estimate:
        """Points of accuracy lost by one flip in the output of one layer in every inference."""
        return _weighted([(1.0, self._changes(self.layer_transients[layer], 0))])

    def course(self, layer: str | None = None) -> Reals:
        """Accuracy of each history by number of errors from 0, ``(histories, steps + 1)``.

        ``layer`` is the one whose weights are hit; None: those of all layers.
        """
        results = self.memory if layer is None else self.layer_memory[layer]
        if id(results) not in self._courses:
            sampler = results.sampler
            assert isinstance(sampler, Cumulative)
            # Trials are numbered by the number of errors first.
            accuracy = results.values("accuracy").reshape(sampler.steps, sampler.repeats).T
            free = float(accuracy[0, 0] + results.values("drop")[0])
            start = np.full((sampler.repeats, 1), free)
            self._courses[id(results)] = np.concatenate([start, accuracy], axis=1)
        return self._courses[id(results)]

    def accuracy(self, errors: int, layer: str | None = None) -> Estimate:
        """Mean accuracy after so many errors."""
        return mean_share(self.course(layer)[:, errors])

    def fall(self, first: int, last: int) -> Estimate:
        """Points of accuracy that the histories lose from one number of errors to another one."""
        lost = self.course()[:, first] - self.course()[:, last]
        return _weighted([(1.0, lost)])

    def below(self, errors: int, share: float) -> Estimate:
        """The share of histories with an accuracy below ``share`` after so many errors."""
        return mean_share((self.course()[:, errors] < share).astype(float))

    def intact(self, errors: int, points: float) -> Estimate:
        """The share of histories that have lost at most so many points after so many errors."""
        course = self.course()
        kept = course[:, errors] >= course[:, 0] - points / 100 - 1e-12
        return mean_share(kept.astype(float))

    @property
    def equal_rate(self) -> float:
        """The error rate per bit at which layers are compared.

        So low that the largest layer has half of the errors that its histories have, on average:
        more errors than were tried are then practically impossible.
        """
        steps = min(int(self.course(layer).shape[1]) - 1 for layer in self.bits)
        return steps / 2 / max(self.bits.values())

    def layer_accuracy(self, layer: str, equal: Equal) -> Estimate:
        """Mean accuracy over all numbers of errors alike, or at the same error rate per bit."""
        return mean_share(self._summary(layer, equal))

    def more_accurate(self, layer: str, than: str, equal: Equal) -> Estimate:
        """Points of accuracy that errors in one layer leave more than errors in another one."""
        pairs = self._summary(layer, equal) - self._summary(than, equal)
        return mean_difference([Cell(pairs, None)]).map(lambda x: 100 * x, "points")

    @property
    def flips_of_all(self) -> int:
        """Number of flips in an inference if every layer's output has one."""
        return len(self.values)

    def memory_costs_more(self) -> Estimate:
        """Points lost by flips in weights less those lost by as many in every inference."""
        course = self.course()
        lost = course[:, 0] - course[:, self.flips_of_all]
        return _weighted(
            [(1.0, lost), (-1.0, self._changes(self.transients[1], self.rates.index(1.0)))]
        )

    def _summary(self, layer: str, equal: Equal) -> Reals:
        """One accuracy for each history."""
        course = self.course(layer)
        if equal == "number":
            mean: Reals = course[:, 1:].mean(axis=1)
            return mean
        numbers = np.arange(course.shape[1])
        weights = binom.pmf(numbers, self.bits[layer], self.equal_rate)
        # Numbers beyond those tried are left out; `equal_rate` makes them practically impossible.
        mixed: Reals = course @ (weights / weights.sum())
        return np.clip(mixed, 0.0, 1.0)

    def _changes(self, results: Results, place: int) -> Reals:
        """For every inference at a rate 1 for a lost prediction, -1 for a gained one, else 0.

        Upsets of different inferences are independent, so that the inference is the sampling unit
        here, and not the pass. Their order within a pass is not kept.
        """
        sampler = results.sampler
        assert isinstance(sampler, UpsetRate)
        here = slice(place * sampler.trials, (place + 1) * sampler.trials)
        images = len(self.right)
        gained = results.values("beneficial_correct")[here]
        lost = self.right.mean() - results.values("accuracy")[here] + gained
        counts = np.round(images * np.array([lost, gained])).astype(np.int64).sum(axis=1)
        rest = sampler.trials * images - int(counts.sum())
        return np.repeat([1.0, -1.0, 0.0], [*counts.tolist(), rest])


def _weighted(terms: Iterable[tuple[float, Reals]]) -> Estimate:
    """The sum of means of independent samples with these weights, in points."""
    cells, total = [], 0.0
    for weight, values in terms:
        total += abs(weight)
        cells.append(Cell(values if weight > 0 else -values, round(abs(weight) * _ENDLESS)))
    return mean_difference(cells).map(lambda mean: 100 * total * mean, "points")
