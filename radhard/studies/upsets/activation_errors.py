"""By how much do bit flips change the activations of a convolution?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.stats import Cell, Estimate, mean_difference, mean_share, quantile_interval

__all__ = ["ActivationErrors", "activation_errors"]

_SIDE = 3
"""Of the filter, which has one channel."""

_TOGETHER = 100_000
"""Activations computed at once, to limit memory."""

_ENDLESS = 10**12
"""Activations that there may be."""

Reals = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class ActivationErrors:
    """Errors of an activation with k bit flips, over random activations.

    ``reading`` is what k flips are: ``"value"``, k bits of one value; ``"map"``, one bit in each
    of k values of the output, of whose errors the largest is taken.
    """

    flips: int
    reading: str
    errors: Reals
    """Faulty minus fault-free value; infinite, with a sign, or NaN where the faulty value is."""
    typical: float
    """The largest fault-free value of all activations drawn, for all numbers of flips together."""

    @property
    def sizes(self) -> Reals:
        """The absolute errors; infinite where the faulty value is not finite."""
        sizes: Reals = np.where(np.isfinite(self.errors), np.abs(self.errors), math.inf)
        return sizes

    def above(self, factor: float) -> Estimate:
        """The share of activations with an error above so many times the largest activation."""
        return mean_share((self.sizes > factor * self.typical).astype(float))

    def unchanged(self) -> Estimate:
        """The share of activations without an error: a flip of the sign of 0, for example."""
        return mean_share((self.errors == 0).astype(float))

    def quantile(self, q: float) -> Estimate:
        """A quantile of the absolute error."""
        return quantile_interval(self.sizes, q, bounds=(0.0, math.inf))

    def excess(self, one: "ActivationErrors") -> Estimate:
        """Share of errors above the largest activation beyond so many times that of one flip.

        In points; k independent flips cause at most k times as many large errors as one.
        """
        cells = [
            Cell((self.sizes > self.typical).astype(float), _ENDLESS),
            Cell(-(one.sizes > one.typical).astype(float), self.flips * _ENDLESS),
        ]
        difference = mean_difference(cells)
        return difference.map(lambda mean: 100 * (1 + self.flips) * mean, "points")

    @property
    def reading_text(self) -> str:
        """What was flipped, in words."""
        if self.flips == 1:
            return "1 flip"
        if self.reading == "value":
            return f"{self.flips} flips in a value"
        return f"1 flip in each of {self.flips} values, the largest error"

    def middle(self) -> Estimate:
        """How far the median error is from 0, in units of the largest activation."""
        median = quantile_interval(np.where(np.isnan(self.errors), math.inf, self.errors), 0.5)
        ends = sorted((abs(median.low), abs(median.high)))
        low = 0.0 if median.low <= 0 <= median.high else ends[0]
        found = Estimate(abs(median.value), low, ends[1], median.confidence, median.trials, "")
        return found.map(lambda error: error / self.typical, "of the largest activation")


def activation_errors(
    images: Tensor, flips: Sequence[int], number: int, *, seed: int
) -> list[ActivationErrors]:
    """Errors of ``number`` activations of a 3x3 convolution with a ReLU, for each number of flips.

    Every activation is drawn independently: an image, a position of the output, a random filter of
    one channel with a bias (uniform, as torch initializes one), and the bits that are flipped, in
    ``Float32``, after the ReLU.

    Args:
        images: ``(images, 1, height, width)``.
        flips: numbers of flips; with one of 1, the two readings are the same, and given once.
        number: how many activations.
        seed: of all draws.

    Raises:
        InputError: images of several channels, or smaller than the filter.
    """
    if images.ndim != 4 or images.shape[1] != 1 or min(images.shape[2:]) < _SIDE:
        raise InputError(
            f"the errors of activations are those of a {_SIDE}x{_SIDE} convolution of grey images, "
            f"and a sample is {tuple(images.shape[1:])}; take another network"
        )
    patches = images[:, 0].unfold(1, _SIDE, 1).unfold(2, _SIDE, 1).flatten(3).flatten(1, 2)
    found, typical = list[tuple[int, str, Reals]](), 0.0
    for k in flips:
        for reading in ("value", "map") if k > 1 else ("value",):
            # One stream for each row of the table, so that a row does not depend on the others.
            rng = np.random.default_rng([seed, k, reading == "map"])
            parts = [
                _errors(patches, k, reading == "map", min(_TOGETHER, number - start), rng)
                for start in range(0, number, _TOGETHER)
            ]
            errors, largest = zip(*parts, strict=True)
            found.append((k, reading, np.concatenate(errors)))
            typical = max(typical, *largest)
    # One limit for all of them: a flip turns 0 into 2, which is near the largest activation, so
    # that limits of their own would lie on either side of many errors.
    return [ActivationErrors(k, reading, errors, typical) for k, reading, errors in found]


def _errors(
    patches: Tensor, k: int, in_map: bool, number: int, rng: np.random.Generator
) -> tuple[Reals, float]:
    """Errors of some activations, and the largest fault-free value."""
    image = rng.integers(len(patches), size=(number, 1))
    places = _distinct(patches.shape[1], number, k if in_map else 1, rng)
    bound = 1 / _SIDE  # of torch's initial weights and biases: 1 / sqrt(inputs of a value)
    filters = torch.from_numpy(rng.uniform(-bound, bound, (number, _SIDE**2 + 1))).float()
    inputs = patches[torch.from_numpy(image), torch.from_numpy(places)]
    values = torch.relu(torch.einsum("ijp,ip->ij", inputs, filters[:, :-1]) + filters[:, -1:])
    fault, format = BitFlip(count=1 if in_map else k), Float32()
    variants = torch.from_numpy(rng.integers(fault.variants(format), size=places.shape))
    codes = fault.corrupt(format.encode(values).flatten(), variants.flatten(), format)
    faulty = format.decode(codes).double().reshape(values.shape)
    errors = (faulty - values.double()).numpy()
    # The largest in size; NaN counts as larger than any.
    sizes = np.where(np.isnan(errors), math.inf, np.abs(errors))
    return errors[np.arange(number), sizes.argmax(axis=1)], float(values.max())


def _distinct(size: int, rows: int, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Different numbers below ``size`` in each row, ``(rows, k)``, all choices equally likely."""
    drawn = np.zeros((rows, 0), np.int64)
    for column in range(k):
        # Drawn from the numbers that are left, then moved past those drawn before.
        new = rng.integers(size - column, size=rows)
        for taken in np.sort(drawn, axis=1).T:
            new += new >= taken
        drawn = np.column_stack([drawn, new])
    return drawn
