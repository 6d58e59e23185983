"""At which threshold are surely not too many critical bits missed?"""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.stats import clopper_pearson
from radhard.stats.sample_size import two_sided

__all__ = ["MissLimit", "miss_limit", "words_needed"]


@final
@dataclass(frozen=True)
class MissLimit:
    """A threshold of the scores, and how many words with critical bits are missed by it at most."""

    threshold: float
    """Words with at least this score are protected."""
    missed: int
    """Held-out words with critical bits whose score is below the threshold."""
    words: int
    """Held-out words with critical bits."""
    limit: float
    """Upper confidence limit of the share of words with critical bits that are missed."""
    confidence: float


def miss_limit(
    scores: npt.NDArray[np.float64], miss_rate: float, *, confidence: float = 0.95
) -> MissLimit:
    """The highest threshold that misses at most ``miss_rate`` of the words with critical bits.

    ``scores``: of the held-out words with critical bits, a random sample of all words with
    critical bits; the score of a word is the largest of its bits. The threshold is the k-th
    smallest of them, so that at most k - 1 are missed, with the largest k for which the upper limit
    of Clopper and Pearson's interval of k - 1 in n is at most ``miss_rate``. As k depends on
    nothing but n, the limit holds although the same words determine the threshold: the share of
    scores below an order statistic has the distribution that underlies the interval (Wilks, 1941).

    Raises:
        InputError: too few words for this miss rate; the message says how many are needed.

    >>> found = miss_limit(np.arange(1, 101) / 100, miss_rate=0.1)
    >>> found.threshold, found.missed, round(found.limit, 4)
    (0.05, 4, 0.0993)
    """
    needed = words_needed(miss_rate, confidence=confidence)
    n = len(scores)
    if n < needed:
        raise InputError(
            f"a miss rate of {miss_rate:g} can be guaranteed from {needed:,} held-out words with "
            f"critical bits, and there are {n:,}; measure about {needed / max(n, 1):.2g} times as "
            "many bits, or allow a larger miss rate"
        )
    allowed = 0
    while clopper_pearson(allowed + 1, n, confidence)[1] <= miss_rate:
        allowed += 1
    # With ties, fewer than ``allowed`` words are below the threshold; the limit is that of
    # ``allowed`` all the same, since the number of ties depends on the scores.
    threshold = float(np.sort(scores)[allowed])
    missed = int((scores < threshold).sum())
    return MissLimit(threshold, missed, n, clopper_pearson(allowed, n, confidence)[1], confidence)


def words_needed(miss_rate: float, *, confidence: float = 0.95) -> int:
    """The number of held-out words with critical bits without which no threshold is good enough.

    Raises:
        InputError: a miss rate that is not between 0 and 1.

    >>> words_needed(0.01), words_needed(0.05), words_needed(0.1)
    (368, 72, 36)
    """
    two_sided(confidence)  # raises for an invalid confidence
    if not 0 < miss_rate < 1:
        raise InputError(f"miss_rate={miss_rate!r} is not between 0 and 1; 0.01 is one percent")
    tail = (1 - confidence) / 2
    # The upper limit of none missed in n words is 1 - tail ** (1 / n).
    return int(np.ceil(np.log(tail) / np.log1p(-miss_rate)))
