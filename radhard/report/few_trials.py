"""Does a rate rest on so few trials that a page marks it?"""

from collections.abc import Sequence

from radhard.report.estimate_cells import Reading, read_column
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


def read_marked(rates: Sequence[Estimate]) -> list[Reading]:
    """The parts of the rates of a column, with a mark on few trials.

    >>> read_marked([Estimate(0.0, 0.0, 0.3, confidence=0.95, trials=10)])[0].basis
    'none in 10 trials (few)'
    """
    return [
        reading._replace(basis=f"{reading.basis} (few)") if is_few(rate) else reading
        for rate, reading in zip(rates, read_column(rates), strict=True)
    ]
