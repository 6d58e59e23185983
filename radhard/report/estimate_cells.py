"""How is an estimate split into the columns of a table?"""

from typing import NamedTuple

from radhard.stats import Estimate

__all__ = ["COLUMNS", "Reading", "read", "with_interval"]

COLUMNS = ("95 % interval", "based on")
"""Names of the columns after the value."""


class Reading(NamedTuple):
    """The three parts of a printed estimate: the value, its interval, and the trials."""

    value: str
    interval: str
    basis: str


def read(estimate: Estimate) -> Reading:
    """The parts of ``str(estimate)``.

    >>> read(Estimate(0.0, 0.0, 0.0019, confidence=0.95, trials=2000))
    Reading(value='0 %', interval='[0 %, 0.19 %]', basis='none in 2,000 trials')
    >>> read(Estimate(0.25, 0.25, 0.25, confidence=0.95, trials=8))
    Reading(value='25.0 %', interval='exact', basis='all of 8 trials')
    >>> read(Estimate(10.0, 5.0, 20.0, confidence=0.95, trials=800, unit="FIT"))
    Reading(value='10 FIT', interval='[5, 20] FIT', basis='800 trials')
    """
    figure, _, basis = str(estimate).rpartition(" (")
    basis = basis.removesuffix(")")
    if basis.startswith("exact: "):
        return Reading(figure, "exact", basis.removeprefix("exact: "))
    value, _, interval = figure.partition(" [")
    _, _, unit = interval.rpartition("]")
    return Reading(value + unit, "[" + interval, basis.partition(", ")[2])


def with_interval(estimate: Estimate) -> str:
    """The value and its interval in one cell, where further columns hold a difference.

    >>> with_interval(Estimate(0.25, 0.2, 0.31, confidence=0.95, trials=300))
    '25 % [20 %, 31 %]'
    """
    value, interval, _ = read(estimate)
    return f"{value} {interval}"
