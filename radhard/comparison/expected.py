"""How many of the possible upsets of a model are critical, counting everything that it stores?"""

import math
from dataclasses import dataclass

from radhard.errors import InputError
from radhard.reliability import fit, rate_per_hour
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["Upsets", "upsets"]


@dataclass(frozen=True, repr=False)
class Upsets:
    """The possible faults of a model, and the expected number of harmful ones.

    A hardened model stores more bits, so more upsets occur in it: half the rate in twice as many
    bits is no improvement.
    """

    faults: int
    """Size of the fault space; for single bit flips, the number of bits."""
    harmful: Estimate
    """Size times rate: the expected number of changed predictions if every fault occurs once."""

    def failures(self, fit_per_bit: float) -> Estimate:
        """Failures in 1e9 hours (FIT), from the raw rate of a bit in FIT.

        >>> rate = Estimate(250.0, 200.0, 300.0, confidence=0.95, trials=400, unit="faults")
        >>> print(Upsets(100_000, rate).failures(1e-3))
        0.25 [0.20, 0.30] FIT (95 %, 400 trials)
        """
        # A space without faults has no harmful ones either.
        share = self.harmful.map(lambda n: n / max(self.faults, 1), "share")
        return fit(fit_per_bit, self.faults, share)

    def per_hour(self, fit_per_bit: float) -> Estimate:
        """Failures per hour, from the raw rate of a bit in FIT."""
        return rate_per_hour(self.failures(fit_per_bit))

    def __repr__(self) -> str:
        return f"<Upsets {self}>"

    def __str__(self) -> str:
        return f"{self.harmful} of {self.faults:,}"


def upsets(*campaigns: Results, name: str | None = None, confidence: float = 0.95) -> Upsets:
    """Rate times size of one fault space, or of several disjoint ones.

    The distances to the limits of independent campaigns add in quadrature, separately for each
    side (Zou & Donner, Statistics in Medicine 2008).

    Raises:
        InputError: no campaign, one at error rates, or a figure that is missing or not a share.
    """
    if not campaigns:
        raise InputError("there are no campaigns from which to compute upsets; give at least one")
    faults, value, below, above, trials = 0, 0.0, 0.0, 0.0, 0
    for results in campaigns:
        if results.by_rate:
            raise InputError(
                "upsets cannot be computed from trials at error rates; use a campaign with one "
                "fault per trial, or the tolerable error rate"
            )
        column = results.column(name)
        if results.ranges[column] != (0.0, 1.0):
            raise InputError(
                f"{column} is not a share of predictions, so upsets cannot be computed"
            )
        size, rate = len(results.space), results.estimates(column, None, confidence)[""]
        faults, value, trials = faults + size, value + size * rate.value, trials + rate.trials
        below = math.hypot(below, size * (rate.value - rate.low))
        above = math.hypot(above, size * (rate.high - rate.value))
    # Against rounding only: the root of a sum of squares is not above the sum.
    low, high = max(value - below, 0.0), min(value + above, float(faults))
    return Upsets(
        faults, Estimate(value, min(low, value), max(high, value), confidence, trials, "faults")
    )
