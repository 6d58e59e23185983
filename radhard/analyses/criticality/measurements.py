"""Which bits lower the accuracy by more than a tolerance?"""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.groups import Groups, Parts
from radhard.results import Results
from radhard.space import FaultSpace, Numbers
from radhard.stats import Estimate, check_number, stratified_mean

__all__ = ["TOLERANCES", "Measurements", "check_tolerance", "measurements"]

TOLERANCES = tuple(step / 200 for step in range(1, 21))
"""The tolerances of Traiola et al. (DATE 2023): 0.5 % to 10 % in steps of 0.5 %."""

_ROUNDING = 1e-9
"""Drops are multiples of 1/samples, computed as a difference; this covers its rounding error."""


@final
@dataclass(frozen=True, eq=False)
class Measurements:
    """The bits that a campaign flipped, one by one, and by how much each lowered the accuracy.

    Measured once, they tell which bits are critical at any tolerance.
    """

    results: Results
    places: Numbers
    """Position of each bit's region among the regions of the fault space."""
    words: Numbers
    """The word of each bit within its region."""
    bits: Numbers
    """The position of each bit in its word."""
    variants: Numbers
    """The variant of the fault model that flips the bit."""
    drops: npt.NDArray[np.float64]
    """Fault-free accuracy minus the accuracy with the flip."""

    def __len__(self) -> int:
        return len(self.drops)

    def __repr__(self) -> str:
        words = len(np.unique(self.word_numbers))
        return f"<{len(self):,} of {len(self.space):,} bits measured, in {words:,} words>"

    @property
    def space(self) -> FaultSpace:
        """All bits of which these were measured."""
        return self.results.space

    @property
    def word_numbers(self) -> Numbers:
        """The number of each bit's word, with the words of all regions numbered."""
        return self.space.word_starts[self.places] + self.words

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """The number of bits of the fault space that each measured bit represents."""
        groups, parts = self._all()
        weights = np.zeros(len(self))
        # The groups have the trials in another order.
        weights[np.concatenate([rows for rows, _ in parts])] = groups.weights(parts)
        return weights * len(self.space)

    def critical(self, tolerance: float) -> npt.NDArray[np.bool_]:
        """For each bit, whether its flip lowers the accuracy by more than the tolerance.

        Raises:
            InputError: a tolerance outside [0, 1).
        """
        check_tolerance(tolerance)
        # A drop that equals the tolerance is tolerated, whatever the rounding.
        return self.drops > tolerance + _ROUNDING

    def share(self, tolerance: float, *, confidence: float = 0.95) -> Estimate:
        """The share of critical bits among all bits of the fault space, with its interval."""
        groups, parts = self._all()
        verdicts = self.critical(tolerance).astype(float)
        return stratified_mean(groups.cells(parts, verdicts), confidence=confidence)

    def _all(self) -> tuple[Groups, Parts]:
        results = self.results
        # A guarantee rests on how the bits were drawn, whatever their directions.
        groups = results.means.groups(None, post_stratified=False)
        ((_, parts),) = groups.split()
        return groups, parts


def measurements(results: Results) -> Measurements:
    """The bits that a campaign of single bit flips in stored values has measured.

    Args:
        results: trials of one bit flip each (`BitFlip`), with a score such as `Accuracy` among the
            metrics. Drops are multiples of 1/samples: with fewer than 200 samples, one changed
            prediction exceeds a tolerance of 0.5 %.

    Raises:
        InputError: other faults, no accuracy, or no trial yet.
    """
    if results.by_rate:
        raise InputError("criticality is measured with one flip per trial, not at error rates")
    for region in results.space.regions:
        several = any(len(region.bits(variant)) > 1 for variant in range(region.variants))
        if not isinstance(region.fault, BitFlip) or several:
            raise InputError(
                f"criticality is measured with flips of single bits, not with {region.fault!r}; "
                "use BitFlip()"
            )
        if region.site.flows or region.plane != "codes":
            raise InputError(
                f"criticality is a property of the bits of stored values, not of "
                f"{region.site.name!r} ({region.site.role}, {region.plane}); select weights, "
                "biases or buffers, and planes='codes'"
            )
    scores = results.details.scores()
    if scores is None:
        raise InputError(
            "criticality requires a score such as Accuracy() among the metrics, and data with "
            "labels"
        )
    if not len(results):
        raise InputError("no trial has been executed yet; continue the campaign")
    if results.untried:
        raise InputError(
            f"caps left {results.untried:,} of {len(results.space):,} faults untried, of which no "
            "drop is known; use a sampler without caps"
        )
    places, words, variants = results.space.locate(results.trials.at(results.numbers))
    bits = np.zeros_like(variants)
    for place in np.unique(places).tolist():
        region, here = results.space.regions[place], places == place
        of_variant = np.array([region.bits(v)[0] for v in range(region.variants)], dtype=np.int64)
        bits[here] = of_variant[variants[here]]
    return Measurements(results, places, words, bits, variants, results.values(scores[1]))


def check_tolerance(tolerance: float) -> None:
    """Raise `InputError` unless it is a drop of accuracy that can be tolerated, in [0, 1)."""
    check_number("tolerance", tolerance, 0)
    if not tolerance < 1:
        raise InputError(f"tolerance={tolerance!r} is not below 1; 0.005 is half a percent")
