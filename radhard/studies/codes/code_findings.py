"""How many bits and how much time does each code of weights take, and what harm is left?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np

from radhard.stats import Estimate, quantile_interval
from radhard.studies.claim import exactly
from radhard.studies.codes.dominance import Dominance, dominance
from radhard.studies.encodings import EncodingFindings

__all__ = ["EQUAL", "CodeFindings", "Equal"]

Equal = Literal["rate", "number"]

EQUAL: tuple[Equal, ...] = ("rate", "number")
"""What is equal where codes with different numbers of stored bits are compared."""


@final
@dataclass(frozen=True, eq=False)
class CodeFindings:
    """All codes of the weights of one network, measured."""

    rates: EncodingFindings
    """Campaigns at bit error rates, for each encoding."""
    families: Mapping[str, tuple[str, ...]]
    """Encodings of the same words, by the name of the plain ones."""
    single: Mapping[str, Estimate]
    """Share of the predictions that one fault in the stored bits changes."""
    weights: int
    """Number of weights."""
    times: Mapping[str, tuple[float, ...]] | None = None
    """Nanoseconds per weight to decode all of them, for each turn; None if not measured."""
    _dominated: dict[tuple[str, ...], dict[str, Dominance]] = field(default_factory=dict)

    @property
    def network(self) -> str:
        """The name of the network."""
        return self.rates.network

    @property
    def names(self) -> tuple[str, ...]:
        """All encodings."""
        return tuple(self.rates.measured)

    def plain(self, name: str) -> str:
        """The encoding of the same words without a code."""
        return next(plain for plain, family in self.families.items() if name in family)

    def bits(self, name: str) -> float:
        """Stored bits per weight, check bits included."""
        return self.rates.measured[name].bits / self.weights

    def time(self, name: str) -> Estimate | None:
        """Median time to decode a weight, in nanoseconds."""
        if self.times is None:
            return None
        return quantile_interval(self.times[name], 0.5, bounds=(0, np.inf), unit="ns")

    def time_ratio(self, name: str, than: str) -> Estimate | None:
        """How many times as long one code takes to decode as another, turn by turn."""
        if self.times is None:
            return None
        first, second = (np.array(self.times[each]) for each in (name, than))
        return quantile_interval(first / second, 0.5, bounds=(0, np.inf), unit="times")

    def single_at_equal_rate(self, name: str) -> Estimate:
        """Predictions changed by one upset in the memory of the plain words.

        A memory with more bits has more upsets at the same time: the share by one fault, times the
        stored bits, divided by those of the plain words.
        """
        more = self.bits(name) / self.bits(self.plain(name))
        return self.single[name].map(lambda share: share * more, "share")

    def ratio(self, name: str, than: str, *, equal: Equal = "rate") -> Estimate | None:
        """How many times the faults of one encoding another one tolerates.

        ``equal="rate"``: at an equal rate per stored bit; ``"number"``: in expected faults in all
        that is stored. None if the rates tried say nothing about it.
        """
        found = self.rates.ratio(name, than)
        if found is None or equal == "rate":
            return found
        more = self.bits(name) / self.bits(than)
        return found.map(lambda times: times * more, "times")

    def tolerable_faults(self, name: str) -> float:
        """Expected number of faults in all stored bits at the tolerable rate."""
        return self.rates.tolerable(name).value * self.rates.measured[name].bits

    def points_lost(self, name: str) -> dict[float, Estimate]:
        """Points of accuracy lost, by error rate, from the first encoding without faults."""
        free = 1 - self.rates.fault_free_error(self.names[0])
        return {
            rate: accuracy.map(lambda share: round(100 * (free - share), 9) + 0.0, "points")
            for rate, accuracy in self.rates.accuracy(name).items()
        }

    def dominated(self, *names: str) -> dict[str, Dominance]:
        """Which codes are dominated in stored bits, decoding time (if measured) and tolerable rate.

        Among the given ones; by default among all.
        """
        names = names or self.names
        if names not in self._dominated:
            costs, rates = {}, {}
            for name in names:
                bits, time = exactly(self.bits(name), "bits", self.weights), self.time(name)
                costs[name] = (bits,) if time is None else (bits, time)
                rates[name] = self.rates.tolerable(name).value
            self._dominated[names] = dominance(costs, rates, self.ratio)
        return self._dominated[names]
