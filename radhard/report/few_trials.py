"""Does a rate rest on so few trials that a page marks it?"""

from radhard.report.estimate_cells import Reading, read
from radhard.stats import Estimate

__all__ = ["FEW", "is_few", "read_marked"]

FEW = 20
"""Trials below which a rate is marked: 0 in so few excludes little."""


def is_few(rate: Estimate) -> bool:
    """Whether a rate rests on so few trials that it says little.

    >>> is_few(Estimate(0.0, 0.0, 0.3, confidence=0.95, trials=10))
    True
    >>> is_few(Estimate(0.0, 0.0, 0.0, confidence=0.95, trials=10))  # all faults were tried
    False
    """
    return rate.trials < FEW and rate.low < rate.high


def read_marked(rate: Estimate) -> Reading:
    """The parts of a printed rate, with a mark on few trials.

    >>> read_marked(Estimate(0.0, 0.0, 0.3, confidence=0.95, trials=10)).basis
    'none in 10 trials (few)'
    """
    reading = read(rate)
    return reading._replace(basis=f"{reading.basis} (few)") if is_few(rate) else reading
