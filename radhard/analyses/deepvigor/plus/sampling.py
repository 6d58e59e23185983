"""Which channels, neurons, products and positions stand for all of them?"""

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


def channels_of(count: int, share: float, chance: np.random.Generator) -> Numbers:
    """A share of the channels, rounded down but one at least, without replacement; ascending.

    >>> channels_of(64, 0.1, np.random.default_rng(0)).size
    6
    """
    if share >= 1:
        return np.arange(count)
    chosen = chance.choice(count, share_of(count, share), replace=False)
    return np.sort(chosen).astype(np.int64)


def share_of(count: int, share: float) -> int:
    """How many channels are drawn."""
    return max(1, math.floor(share * count))


def neurons_of(count: int, wanted: Count, chance: np.random.Generator) -> Numbers:
    """Neurons of a channel; ``"log2"`` of their number, rounded down but one at least. Ascending.

    One from each of as many equal parts of the map, row after row: neighbours are alike. All have
    the same chance; one that two parts share may come twice.

    >>> neurons_of(1024, "log2", np.random.default_rng(0)).size
    10
    """
    if wanted == "all":
        return np.arange(count)
    size = size_of(count, wanted)
    places = (np.arange(size) + chance.random(size)) * (count / size)
    return np.floor(places).astype(np.int64).clip(max=count - 1)


def size_of(count: int, wanted: Count) -> int:
    """How many neurons of a channel are drawn."""
    if wanted == "all":
        return count
    size = math.floor(math.log2(count)) if wanted == "log2" else wanted
    return min(count, max(1, size))


def some(total: int, wanted: int, rows: int, chance: np.random.Generator) -> Numbers:
    """``wanted`` distinct numbers below ``total`` for each row, evenly spread; or all of them.

    Each number has the same chance. ``(rows, wanted)``.
    """
    if wanted >= total:
        return np.tile(np.arange(total), (rows, 1))
    # Systematic: the line is cut into equal parts, and each row takes the same place in every one.
    start = chance.random((rows, 1))
    return np.floor((np.arange(wanted) + start) * (total / wanted)).astype(np.int64)


def one_an_image(
    weights: npt.NDArray[np.float64], answers: Numbers, chance: np.random.Generator
) -> Numbers:
    """A product of a channel for every image, ``(images,)``; all pairs have the same chance.

    ``weights`` is ``(products,)``, ``answers`` are the golden ones, ``(images,)``. The weights are
    taken in order of their size, as many as there are images evenly, so that the draw has as many
    large, small and negative ones as the channel. They are spread in the same way over the images
    of each answer, for a deviation that leads all images to one answer leaves those that had it.
    """
    images = len(answers)
    order = np.argsort(weights, kind="stable")
    ranks = np.floor((np.arange(images) + chance.random(images)) * (len(order) / images))
    drawn: Numbers = order[ranks.astype(np.int64).clip(max=len(order) - 1)]
    labels, which = np.unique(answers, return_inverse=True)
    turn = np.argsort(chance.permutation(len(labels))[which] + chance.random(images))
    # Multiples of the golden section are spread evenly, whichever stretch of them is taken.
    spread = (np.arange(images) * _GOLDEN + chance.random()) % 1
    given = np.empty_like(drawn)
    given[turn] = drawn[np.argsort(np.argsort(spread))]
    return given


class Chance:
    """Chance for each channel of a layer, that follows from the seed and the channel's own weights.

    So a channel has the same draws wherever in its layer it stands.
    """

    def __init__(self, workload: Workload, weights: Tensor, *purpose: int) -> None:
        self._workload, self._purpose = workload, purpose
        self._marks = [zlib.crc32(row.tobytes()) for row in weights.cpu().numpy()]

    def of(self, channel: int, *purpose: int) -> np.random.Generator:
        """For one purpose in a channel."""
        return self._workload.random(*self._purpose, self._marks[channel], *purpose)
