"""How does a counter become a random number?"""

import numpy as np
import numpy.typing as npt

__all__ = ["mixed"]

Words = npt.NDArray[np.uint64]

_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mixed(x: Words) -> Words:
    """A 64-bit finaliser: every input bit changes every output bit with probability near 1/2."""
    # The finaliser of SplitMix64 (Steele et al., OOPSLA 2014). Products of arrays wrap modulo
    # 2**64, as it requires.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(_FIRST)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(_SECOND)
    return x ^ (x >> np.uint64(31))
