"""How are estimates split into the columns of a table?"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from radhard.stats import Estimate, common_decimals

__all__ = ["COLUMNS", "Reading", "read", "read_column", "read_rows", "with_interval"]

COLUMNS = ("95 % interval", "based on")
"""Names of the columns after the value."""


class Reading(NamedTuple):
    """The three parts of a printed estimate: the value, its interval, and the trials."""

    value: str
    interval: str
    basis: str

    def __str__(self) -> str:
        return f"{self.value} {self.interval}"


def read(estimate: Estimate) -> Reading:
    """The parts of ``str(estimate)``.

    >>> read(Estimate(0.0, 0.0, 0.0019, confidence=0.95, trials=2000))
    Reading(value='0 %', interval='[0 %, 0.19 %]', basis='none in 2,000 trials')
    >>> read(Estimate(0.25, 0.25, 0.25, confidence=0.95, trials=8))
    Reading(value='25.0 %', interval='exact', basis='all 8 tried')
    >>> read(Estimate(10.0, 5.0, 20.0, confidence=0.95, trials=800, unit="FIT"))
    Reading(value='10 FIT', interval='[5, 20] FIT', basis='800 trials')
    """
    return _split(str(estimate))


def read_column(estimates: Sequence[Estimate]) -> list[Reading]:
    """The parts of estimates that stand below each other, with one number of decimals.

    >>> wide = Estimate(0.024, 0.001, 0.231, confidence=0.95, trials=20)
    >>> narrow = Estimate(0.0222, 0.0211, 0.0234, confidence=0.95, trials=9000)
    >>> [str(reading) for reading in read_column([wide, narrow])]
    ['2.4 % [0.1 %, 23.1 %]', '2.2 % [2.1 %, 2.3 %]']
    """
    decimals = common_decimals(estimates)
    return [_split(estimate.printed(decimals)) for estimate in estimates]


def read_rows(rates: Mapping[str, Estimate]) -> dict[str, Reading]:
    """The same by the names of the rows."""
    return dict(zip(rates, read_column(list(rates.values())), strict=True))


def _split(text: str) -> Reading:
    figure, _, basis = text.rpartition(" (")
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
