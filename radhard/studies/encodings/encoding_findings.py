"""How high a bit error rate does each encoding of the weights of a network tolerate?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import numpy as np

from radhard.comparison import Tolerable, fault_free_error, tolerable, tolerance_ratio
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.stats import Cell, Estimate, stratified_mean

__all__ = ["EncodingFindings", "MeasuredEncoding"]

_ENDLESS = 10**15
"""At an error rate, practically every trial has different faults."""


@final
@dataclass(frozen=True, eq=False)
class MeasuredEncoding:
    """The weights of a network in one encoding, and campaigns at error rates."""

    format: str
    bits: int
    """Stored bits of the weights, check bits included: those in which faults are injected."""
    results: Results
    smaller: float | None = None
    """Share of the weights that a flip of the sign bit changes by less than a tenth of the change
    in the first encoding; None for formats in which the sign is not one bit of each word."""
    further: tuple[Results, ...] = ()
    """Campaigns at other rates, or with more trials."""

    @property
    def campaigns(self) -> tuple[Results, ...]:
        """All campaigns; their trials are evaluated together."""
        return self.results, *self.further


@final
@dataclass(frozen=True, eq=False)
class EncodingFindings:
    """All encodings of one network, measured."""

    network: str
    images: int
    increase: float
    measured: Mapping[str, MeasuredEncoding]
    relative: bool = True
    """Whether ``increase`` is relative to the fault-free error."""
    reference: float | None = None
    """The fault-free error that increases; None: each encoding has its own."""
    _known: dict[str, Tolerable] = field(default_factory=dict)
    _ratios: dict[tuple[str, str], Estimate | None] = field(default_factory=dict)

    def tolerable(self, name: str) -> Tolerable:
        """The highest error rate at which the error does not exceed its limit."""
        if name not in self._known:
            # Found by resampling, which takes seconds; claims, tables and figures ask for the same.
            self._known[name] = tolerable(
                self.measured[name].campaigns,
                increase=self.increase,
                relative=self.relative,
                reference=self.reference,
            )
        return self._known[name]

    def ratio(self, name: str, than: str) -> Estimate | None:
        """How many times as high the tolerable rate of one encoding is as that of another.

        None if the rates tried say nothing about it.
        """
        if (name, than) not in self._ratios:
            first, second = (self.measured[each].campaigns for each in (name, than))
            self._ratios[name, than] = tolerance_ratio(
                first,
                second,
                increase=self.increase,
                relative=self.relative,
                reference=self.reference,
            )
        return self._ratios[name, than]

    def fault_free_error(self, name: str) -> float:
        """The share of the samples that is classified incorrectly without faults."""
        return fault_free_error(self.measured[name].results)

    def accuracy(self, name: str) -> dict[float, Estimate]:
        """Mean accuracy of the trials at each rate, by error rate."""
        values: dict[float, list[float]] = {}
        for results in self.measured[name].campaigns:
            assert isinstance(results.sampler, ErrorRate)
            # Trials are numbered rate by rate.
            rates = np.repeat(results.sampler.each, results.sampler.trials)
            for rate, value in zip(
                rates.tolist(), results.values("accuracy").tolist(), strict=True
            ):
                values.setdefault(rate, []).append(value)
        return {
            rate: stratified_mean([Cell(np.array(values[rate]), _ENDLESS)], confidence=0.95)
            for rate in sorted(values)
        }
