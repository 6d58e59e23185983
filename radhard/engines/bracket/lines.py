"""Which displacements of a word must be tried to know the answers under all of them?"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.space import Numbers

__all__ = ["Answers", "Evaluate", "Flags", "Floats", "Points", "settled"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Answers = npt.NDArray[np.int32]
"""Per point and sample the top class, or -1 where the output holds NaN."""

Evaluate = Callable[[Numbers, Flags], tuple[Answers, Floats]]
"""From points and the samples asked for, ``(points, samples)``, to answers and room.

Room is how many times as far the outputs may move, either way, before another class leads; 0 where
that cannot be told. Where nobody asked, both are ignored.
"""

_EASILY = 64
"""Room that one displacement must leave for a smaller one the other way to be taken as borne.

Norms and gates answer less and less to larger displacements: with 4, one of 2,000 faults in a small
network with a norm was judged wrongly, with 16 none. That much is there nearly always.
"""

_ALIKE = 16
"""By what a displacement may be larger than the one that is judged by it."""


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
    the samples that differ. The side that reaches farther comes first. The other one's end is not
    tried by samples that bore displacements at least as large with room to spare: there the answer
    is taken to be the golden one.
    """
    samples = len(golden)
    answers: Answers = np.zeros((len(points.sizes), samples), dtype=np.int32)
    tried = np.zeros((len(points.sizes), samples), dtype=bool)
    answers[points.zero], tried[points.zero] = golden, True
    visited = np.zeros(len(points.sizes), dtype=bool)
    visited[points.zero] = True
    far, near = _sides(points)
    borne = _Borne(points, np.abs(points.sizes[near]), golden)

    def ask(some: Numbers, of: Flags, otherwise: Answers) -> None:
        found, room = evaluate(some, of)
        answers[some] = np.where(of, found, otherwise)
        tried[some], visited[some] = of, True
        borne.note(some, of, found, room)

    some = np.flatnonzero(points.apart | _flagged(far[far != points.zero], len(visited)))
    ask(some, np.ones((len(some), samples), dtype=bool), answers[some])
    low, high = np.minimum(far, points.zero), np.maximum(far, points.zero)
    for lap in itertools.count():
        differ = answers[low] != answers[high]
        unsettled = differ.any(axis=1) & (high - low > 1)
        low, high, differ = low[unsettled], high[unsettled], differ[unsettled]
        middle = _middle(points.sizes, low, high)
        ends = near[near != points.zero] if lap == 1 else near[:0]
        doubtful = ~borne.easily(near != points.zero) if lap == 1 else differ[:0]
        if lap > 1 and not len(low):
            break
        if len(middle) or len(ends):
            ask(
                np.concatenate([middle, ends]),
                np.concatenate([differ, doubtful]),
                np.concatenate([answers[low], np.broadcast_to(golden, doubtful.shape)]),
            )
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        if lap == 1:
            low = np.concatenate([low, np.minimum(near, points.zero)])
            high = np.concatenate([high, np.maximum(near, points.zero)])
    nearest = np.maximum.accumulate(np.where(visited, np.arange(len(visited)), 0))
    return answers[nearest], tried


def _sides(points: Points) -> tuple[Numbers, Numbers]:
    """Of every word the end of its line that is farther from 0, and the other one."""
    first, last = points.first, points.last
    forward = np.abs(points.sizes[last]) >= np.abs(points.sizes[first])
    return np.where(forward, last, first), np.where(forward, first, last)


def _flagged(numbers: Numbers, size: int) -> Flags:
    flags = np.zeros(size, dtype=bool)
    flags[numbers] = True
    return flags


class _Borne:
    """Which displacements each sample bears by far, to judge by those that it was seen to bear."""

    def __init__(self, points: Points, reach: Floats, golden: Answers) -> None:
        self._points, self._reach, self._golden = points, reach, golden
        self._room = np.full((len(reach), len(golden)), np.nan)

    def note(self, points: Numbers, of: Flags, answers: Answers, room: Floats) -> None:
        """Learn from answers; only displacements like the end in question, but larger, count."""
        owners = np.searchsorted(self._points.first, points, side="right") - 1
        sizes = np.abs(self._points.sizes[points])
        own = self._reach[owners]
        large = (sizes >= own) & (sizes <= _ALIKE * own) & ~self._points.apart[points]
        for at in np.flatnonzero(large).tolist():
            calm = of[at] & (answers[at] == self._golden)
            seen = self._room[owners[at]]
            seen[calm] = np.fmin(seen[calm], room[at][calm])

    def easily(self, words: Flags) -> Flags:
        """Whether samples bear the nearer ends of some words' lines, ``(words, samples)``."""
        # What was never seen is NaN, which is no more than anything.
        found: Flags = self._room[words] >= _EASILY
        return found


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
