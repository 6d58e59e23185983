"""Which channels, neurons, products and positions are sampled?"""

import math
import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from radhard.workload import Workload

__all__ = [
    "Chance",
    "Count",
    "channels_of",
    "neurons_of",
    "one_an_image",
    "share_of",
    "size_of",
    "some",
]

Count = Literal["log2", "all"] | int

Numbers = npt.NDArray[np.int64]

_GOLDEN = (math.sqrt(5) - 1) / 2


def channels_of(count: int, share: float, rng: np.random.Generator) -> Numbers:
    """A share of the channels, rounded down but at least one, without replacement; ascending.

    >>> channels_of(64, 0.1, np.random.default_rng(0)).size
    6
    """
    if share >= 1:
        return np.arange(count)
    chosen = rng.choice(count, share_of(count, share), replace=False)
    return np.sort(chosen).astype(np.int64)


def share_of(count: int, share: float) -> int:
    """Number of channels that are drawn."""
    return max(1, math.floor(share * count))


def neurons_of(count: int, wanted: Count, rng: np.random.Generator) -> Numbers:
    """Neurons of a channel; ``"log2"`` of their number, rounded down but at least one. Ascending.

    One from each of as many equal parts of the map, row after row, as neighbours are similar. All
    have the same probability; one at the border of two parts may be drawn twice.

    >>> neurons_of(1024, "log2", np.random.default_rng(0)).size
    10
    """
    if wanted == "all":
        return np.arange(count)
    size = size_of(count, wanted)
    places = (np.arange(size) + rng.random(size)) * (count / size)
    # The product may be rounded up to ``count``.
    return np.floor(places).astype(np.int64).clip(max=count - 1)


def size_of(count: int, wanted: Count) -> int:
    """Number of neurons of a channel that are drawn."""
    if wanted == "all":
        return count
    size = math.floor(math.log2(count)) if wanted == "log2" else wanted
    return min(count, max(1, size))


def some(total: int, wanted: int, rows: int, rng: np.random.Generator) -> Numbers:
    """``wanted`` distinct numbers below ``total`` for each row, evenly spaced; or all of them.

    Each number has the same probability. ``(rows, wanted)``.
    """
    if wanted >= total:
        return np.tile(np.arange(total), (rows, 1))
    # Systematic sampling: the range is divided into equal parts, and each row takes the same
    # position, drawn once, in every part.
    start = rng.random((rows, 1))
    places = (np.arange(wanted) + start) * (total / wanted)
    # The product may be rounded up to ``total``.
    return np.floor(places).astype(np.int64).clip(max=total - 1)


def one_an_image(
    weights: npt.NDArray[np.float64], answers: Numbers, rng: np.random.Generator
) -> Numbers:
    """A product of a channel for every image, ``(images,)``; all pairs have equal probability.

    ``weights`` is ``(products,)``, ``answers`` are the golden predictions, ``(images,)``. As many
    weights as images are taken evenly from the weights in ascending order, so that large, small and
    negative ones have the same shares as in the channel. They are distributed evenly over the
    images of each golden prediction too, as a deviation that gives all images the same prediction
    does not change those that had it already.
    """
    images = len(answers)
    # Ties keep their order, so that the draw is the same on every machine.
    order = np.argsort(weights, kind="stable")
    ranks = np.floor((np.arange(images) + rng.random(images)) * (len(order) / images))
    drawn: Numbers = order[ranks.astype(np.int64).clip(max=len(order) - 1)]
    labels, which = np.unique(answers, return_inverse=True)
    # Random order of the predictions, and of the images within each: the integer part is that of
    # the prediction.
    turn = np.argsort(rng.permutation(len(labels))[which] + rng.random(images))
    # Multiples of the golden ratio modulo 1 are spread evenly in every consecutive part of the
    # sequence, and so in the images of every golden prediction, which are consecutive in ``turn``.
    spread = (np.arange(images) * _GOLDEN + rng.random()) % 1
    assigned = np.empty_like(drawn)
    # The second ``argsort`` turns the order of the numbers into their ranks.
    assigned[turn] = drawn[np.argsort(np.argsort(spread))]
    return assigned


class Chance:
    """Random generators for each channel of a layer, from the seed and the channel's own weights.

    Thus the draws of a channel do not depend on its position in the layer.
    """

    def __init__(self, workload: Workload, weights: Tensor, *purpose: int) -> None:
        self._workload, self._purpose = workload, purpose
        self._marks = [zlib.crc32(row.tobytes()) for row in weights.cpu().numpy()]

    def of(self, channel: int, *purpose: int) -> np.random.Generator:
        """The generator for one purpose in a channel."""
        return self._workload.random(*self._purpose, self._marks[channel], *purpose)
