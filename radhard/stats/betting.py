"""Which means are compatible with the trials so far, at whatever moment they are looked at?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.stats.sample_size import two_sided

__all__ = ["Bets", "betting_limits"]

_STAKE = 0.9
"""The largest share of the capital that a bet may lose."""

_STEPS = 60
"""Bisections of an interval for a limit, until its ends are the same number."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bets:
    """Trials of which each gives an unbiased estimate of the mean, given all trials before it.

    Everything but ``values`` is known before the trial.
    """

    values: Floats
    """The estimates, ``(trials,)``."""
    least: Floats
    """The smallest estimate that each trial could have given."""
    most: Floats
    """The largest one."""
    variance: float
    """The variance that was expected of the estimates. Limits are valid whatever it is."""
    planned: float
    """The number of trials that was expected in all; likewise."""


def betting_limits(bets: Sequence[Bets], confidence: float, top: float) -> tuple[float, float]:
    """Limits of a mean between 0 and ``top`` that are valid at any moment (by betting).

    Whoever bets against a mean m, on each trial a stake that is fixed before it, has a capital that
    is not expected to grow if m is the mean. So it ever reaches 2 / alpha with a probability of at
    most alpha / 2 (Ville's inequality); a mean against which that has happened is rejected. One bet
    is on smaller estimates and gives the upper limit, one on larger estimates gives the lower one.
    The limits are the narrowest so far, at the ends of the parts of ``bets``
    (Waudby-Smith and Ramdas, JRSS B 2024). Nothing is assumed about the distribution, and limits
    may be looked at after any number of trials, also to decide whether to go on.

    >>> part = Bets(np.zeros(1000), np.zeros(1000), np.ones(1000), 0.001, 1000)
    >>> low, high = betting_limits([part], 0.95, 1.0)
    >>> low, round(high, 5)
    (0.0, 0.00411)
    """
    two_sided(confidence)  # raises for an invalid confidence
    needed = math.log(2 / (1 - confidence))
    low, high = 0.0, top
    above: list[tuple[Floats, Floats]] = []
    below: list[tuple[Floats, Floats]] = []
    for part in bets:
        if not part.values.size:
            continue
        usual = math.sqrt(2 * needed / max(part.variance * part.planned, 1e-300))
        stakes = np.minimum(usual, _STAKE / np.maximum(part.most, 1e-300))
        above.append((stakes, -part.values))
        # Means above the upper limit are rejected already, so that stakes need not be safe there.
        stakes = np.minimum(usual, _STAKE / np.maximum(high - part.least, 1e-300))
        below.append((stakes, part.values))
        reached = _limit(above, low, high, needed)
        raised = -_limit(below, -high, -low, needed)
        # Rounding may bring limits that are nearly equal out of order.
        high = max(low, min(high, reached))
        low = min(high, max(low, raised))
    return low + 0.0, high


def _limit(bets: list[tuple[Floats, Floats]], begin: float, end: float, needed: float) -> float:
    """The smallest x from ``begin`` to ``end`` with which bets reach a capital; ``end`` if none.

    ``bets``: stakes and the amounts that are won at x = 0. What is won grows with x.
    ``needed``: the logarithm of the capital.
    """
    stakes, amounts = (np.concatenate(parts) for parts in zip(*bets, strict=True))

    def enough(x: float) -> bool:
        return float(np.log1p(stakes * (amounts + x)).sum()) >= needed

    if not enough(end):
        return end
    if enough(begin):
        return begin
    low, high = begin, end
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
