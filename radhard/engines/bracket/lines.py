"""Which displacements of a word must be tried to know the answers under all of them?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.space import Numbers

__all__ = ["Answers", "Evaluate", "Points", "settled"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Answers = npt.NDArray[np.int32]
"""Per point and sample the top class, or -1 where the output holds NaN."""

Evaluate = Callable[[Numbers, Flags], Answers]
"""From points and the samples asked for, ``(points, samples)``, to answers; others are ignored."""


@dataclass(frozen=True)
class Points:
    """What some words may become: every word's displacements from small to large, 0 among them.

    Displacements that are infinite or no number stand behind a word's others, in no order.
    """

    sizes: Floats
    first: Numbers
    """Of every word, its first point."""
    last: Numbers
    """Of every word, its last point with a finite displacement."""
    zero: Numbers
    """Of every word, the point at which it stays what it is."""
    apart: Flags
    """Which points lie on no line."""
    of_fault: Numbers
    """The point of every fault."""
    faults: Numbers
    """Of every point, one fault that leads there; -1 where none does."""

    @classmethod
    def of(cls, words: Numbers, displacements: Floats) -> "Points":
        """The points of faults: ``words`` numbers their words from 0, in ascending order."""
        count = int(words[-1]) + 1
        sizes = np.concatenate([displacements, np.zeros(count)])
        owners = np.concatenate([words, np.arange(count)])
        kinds = np.where(np.isnan(sizes), 2, np.where(np.isinf(sizes), 1, 0))
        sizes = np.where(kinds == 2, np.nan, sizes) + 0.0  # the two zeros are one
        order = np.lexsort((np.where(kinds == 2, 0.0, sizes), kinds, owners))
        owners, kinds, sizes = owners[order], kinds[order], sizes[order]
        new = np.ones(len(order), dtype=bool)
        alike = (sizes[1:] == sizes[:-1]) | ((kinds[1:] == 2) & (kinds[:-1] == 2))
        new[1:] = ~alike | (owners[1:] != owners[:-1])
        point = np.cumsum(new) - 1
        of = np.empty(len(order), dtype=np.int64)
        of[order] = point
        owners, kinds, sizes = owners[new], kinds[new], sizes[new]
        faults = np.full(len(sizes), -1, dtype=np.int64)
        faults[of[: len(words)]] = np.arange(len(words))
        first = np.searchsorted(owners, np.arange(count))
        finite = np.bincount(owners[kinds == 0], minlength=count)
        return cls(
            sizes, first, first + finite - 1, of[len(words) :], kinds > 0, of[: len(words)], faults
        )


def settled(points: Points, golden: Answers, evaluate: Evaluate) -> tuple[Answers, Flags]:
    """The answers at all points, and where they were tried and not inferred.

    From the outside in: where a sample's answer is the same at two displacements of a word, so it
    is taken to be at all between them; where it is not, the one nearest to the middle is tried, by
    the samples that differ.
    """
    samples = len(golden)
    answers: Answers = np.zeros((len(points.sizes), samples), dtype=np.int32)
    tried = np.zeros((len(points.sizes), samples), dtype=bool)
    answers[points.zero], tried[points.zero] = golden, True
    ends = points.apart.copy()
    ends[points.first] = ends[points.last] = True
    ends[points.zero] = False
    ask = np.flatnonzero(ends)
    answers[ask] = evaluate(ask, np.ones((len(ask), samples), dtype=bool))
    tried[ask] = True
    low = np.concatenate([points.first, points.zero])
    high = np.concatenate([points.zero, points.last])
    visited = tried[:, 0].copy()
    while len(low):
        differ = answers[low] != answers[high]
        unsettled = differ.any(axis=1) & (high - low > 1)
        low, high, differ = low[unsettled], high[unsettled], differ[unsettled]
        middle = _middle(points.sizes, low, high)
        found = evaluate(middle, differ)
        answers[middle] = np.where(differ, found, answers[low])
        tried[middle], visited[middle] = differ, True
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    nearest = np.maximum.accumulate(np.where(visited, np.arange(len(visited)), 0))
    return answers[nearest], tried


def _middle(sizes: Floats, low: Numbers, high: Numbers) -> Numbers:
    """The points strictly between, nearest to half-way; halves, as sums may be infinite."""
    goal = sizes[low] / 2 + sizes[high] / 2
    left, right = low + 1, high - 1  # the first point at or above the goal, or the last of all
    while (left < right).any():
        middle = (left + right) // 2
        above = sizes[middle] >= goal
        right = np.where(above, middle, right)
        left = np.where(above, left, np.minimum(middle + 1, right))
    before = np.maximum(left - 1, low + 1)
    nearer = np.abs(sizes[before] - goal) < np.abs(sizes[left] - goal)
    return np.where(nearer, before, left)
