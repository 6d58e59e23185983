"""How are distinct numbers drawn one by one without storing the earlier ones?"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from radhard.stats import mixed

__all__ = ["Permutation", "Permutations"]

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ROUNDS = 12

_AT_ONCE = 2**16
"""Positions that are enciphered together."""

_FEW = 8
"""Positions up to which enciphering them one by one takes less time than calling numpy."""

_FIRST, _SECOND, _ALL = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 2**64 - 1
"""Multipliers of `mixed`, and a mask of its 64 bits."""


class Permutation:
    """A random permutation of ``range(size)`` that is computed, not stored.

    The value at position i depends only on the key, the size and i, so that draws without
    replacement can be made in any order, by any number of workers, from 10^11 faults. A Feistel
    network over the next even number of bits (Luby & Rackoff 1988); values outside the range are
    enciphered again until they fall inside, known as cycle walking (Black & Rogaway 2002).

    >>> sorted(Permutation(5, (1,))(np.arange(5)).tolist())
    [0, 1, 2, 3, 4]
    """

    def __init__(self, size: int, key: tuple[int, ...]) -> None:
        self.size = size
        # Both halves are equally wide, so the network permutes an even number of bits, at most
        # four times the range: a position is enciphered at most four times on average.
        self._half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
        self._mask = np.uint64((1 << int(self._half)) - 1)
        drawn = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)
        self._keys: Words = drawn.astype(np.uint64)

    def __call__(self, positions: Numbers) -> Numbers:
        """The numbers at these positions, each in ``range(size)``."""
        if len(positions) <= _FEW:
            return np.array([self._one(x) for x in positions.tolist()], np.int64)
        x = _encipher(positions.astype(np.uint64), self._half, self._mask, self._keys)
        outside = np.flatnonzero(x >= self.size)
        # A cycle of the larger permutation that starts inside the range returns to it, so that
        # the loop terminates. The map from each position to the first value inside the range along
        # its cycle is again a permutation, so that no value occurs twice.
        while outside.size > _FEW:
            x[outside] = _encipher(x[outside], self._half, self._mask, self._keys)
            outside = outside[x[outside] >= self.size]
        for at in outside.tolist():
            x[at] = self._one(int(x[at]))
        return x.astype(np.int64)

    def _one(self, x: int) -> int:
        # Trials are also drawn one by one, where calling numpy takes far longer than computing.
        half, mask = int(self._half), int(self._mask)
        keys = self._keys.tolist()
        while True:
            left, right = x >> half, x & mask
            for key in keys:
                y = right ^ key
                y = (y ^ (y >> 30)) * _FIRST & _ALL
                y = (y ^ (y >> 27)) * _SECOND & _ALL
                left, right = right, left ^ ((y ^ (y >> 31)) & mask)
            x = (left << half) | right
            if x < self.size:
                return x


class Permutations:
    """Several permutations, applied at once: a loop over many strata takes longer than the rest.

    >>> two = Permutation(5, (1,)), Permutation(9, (2,))
    >>> found = Permutations(two)(np.array([0, 1, 0]), np.array([4, 8, 3]))
    >>> found[1] == two[1](np.array([8]))[0]
    np.True_
    """

    def __init__(self, orders: Sequence[Permutation]) -> None:
        self._sizes = np.array([order.size for order in orders], np.uint64)
        self._halves = np.array([order._half for order in orders], np.uint64)
        self._masks = np.array([order._mask for order in orders], np.uint64)
        self._keys = np.stack([order._keys for order in orders], axis=1)

    def __call__(self, which: Numbers, positions: Numbers) -> Numbers:
        """The number at each position of the permutation ``which``."""
        found = np.empty(len(positions), np.int64)
        # The keys of a position take 12 words.
        for begin in range(0, len(positions), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            found[part] = self._part(which[part], positions[part].astype(np.uint64))
        return found

    def _part(self, which: Numbers, x: Words) -> Words:
        walking = np.arange(len(x))
        while walking.size:
            own = which[walking]
            halves, masks, keys = self._halves[own], self._masks[own], self._keys[:, own]
            x[walking] = _encipher(x[walking], halves, masks, keys)
            walking = walking[x[walking] >= self._sizes[own]]
        return x


def _encipher(x: Words, half: Words | np.uint64, mask: Words | np.uint64, keys: Words) -> Words:
    """One pass through the network, with one key or an array of keys a round."""
    left, right = x >> half, x & mask
    for key in keys:
        # A Feistel round is invertible whatever `mixed` computes: ``right`` is kept, so the
        # mask that was xored onto ``left`` can be computed again. Hence no value occurs twice.
        left, right = right, left ^ (mixed(right ^ key) & mask)
    return (left << half) | right
