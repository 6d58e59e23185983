"""How are distinct numbers drawn one by one without storing the earlier ones?"""

import numpy as np
import numpy.typing as npt

__all__ = ["Permutation", "mixed"]

Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ROUNDS = 12


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
        self._keys = np.random.SeedSequence(key).generate_state(_ROUNDS, np.uint64)

    def __call__(self, positions: Numbers) -> Numbers:
        """The numbers at these positions, each in ``range(size)``."""
        x = self._encipher(positions.astype(np.uint64))
        outside = np.flatnonzero(x >= self.size)
        # A cycle of the larger permutation that starts inside the range returns to it, so that
        # the loop terminates. The map from each position to the first value inside the range along
        # its cycle is again a permutation, so that no value occurs twice.
        while outside.size:
            x[outside] = self._encipher(x[outside])
            outside = outside[x[outside] >= self.size]
        return x.astype(np.int64)

    def _encipher(self, x: Words) -> Words:
        left, right = x >> self._half, x & self._mask
        for key in self._keys:
            # A Feistel round is invertible whatever `mixed` computes: ``right`` is kept, so the
            # mask that was xored onto ``left`` can be computed again. Hence no value occurs twice.
            left, right = right, left ^ (mixed(right ^ key) & self._mask)
        return (left << self._half) | right


def mixed(x: Words) -> Words:
    """A 64-bit finaliser: every input bit changes every output bit with probability near 1/2."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
