"""Which channels, neurons, products and positions stand for all of them?"""

import math
import zlib
from typing import Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from radhard.analyses.subject import Subject

__all__ = ["Chance", "Count", "channels_of", "neurons_of", "one_an_image", "some"]

Count = Literal["log2", "all"] | int

Numbers = npt.NDArray[np.int64]


def channels_of(count: int, share: float, chance: np.random.Generator) -> Numbers:
    """A share of the channels, rounded down but one at least, without replacement; ascending.

    >>> channels_of(64, 0.1, np.random.default_rng(0)).size
    6
    """
    if share >= 1:
        return np.arange(count)
    chosen = chance.choice(count, max(1, math.floor(share * count)), replace=False)
    return np.sort(chosen).astype(np.int64)


def neurons_of(count: int, wanted: Count, chance: np.random.Generator) -> Numbers:
    """Neurons of a channel; ``"log2"`` of their number, rounded down but one at least.

    >>> neurons_of(1024, "log2", np.random.default_rng(0)).size
    10
    """
    if wanted == "all":
        return np.arange(count)
    size = math.floor(math.log2(count)) if wanted == "log2" else wanted
    size = min(count, max(1, size))
    return np.sort(chance.choice(count, size, replace=False)).astype(np.int64)


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
    weights: npt.NDArray[np.float64], images: int, chance: np.random.Generator
) -> Numbers:
    """A product of a channel for every image, ``(images,)``; all pairs have the same chance.

    ``weights`` is ``(products,)``. They are taken in order of their size, as many as there are
    images evenly, and given to the images in random order: so the draw has as many large, small and
    negative ones as the channel.
    """
    order = np.argsort(weights, kind="stable")
    ranks = np.floor((np.arange(images) + chance.random(images)) * (len(order) / images))
    drawn: Numbers = order[ranks.astype(np.int64).clip(max=len(order) - 1)]
    return chance.permutation(drawn)


class Chance:
    """Chance for each channel of a layer, that follows from the seed and the channel's own weights.

    So a channel has the same draws wherever in its layer it stands.
    """

    def __init__(self, subject: Subject, weights: Tensor, *purpose: int) -> None:
        self._subject, self._purpose = subject, purpose
        self._marks = [zlib.crc32(row.tobytes()) for row in weights.cpu().numpy()]

    def of(self, channel: int, *purpose: int) -> np.random.Generator:
        """For one purpose in a channel."""
        return self._subject.random(*self._purpose, self._marks[channel], *purpose)
