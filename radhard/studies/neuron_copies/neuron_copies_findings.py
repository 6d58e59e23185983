"""What is known of the protection of critical neurons of one network?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import numpy.typing as npt

from radhard.stats import Cell, Estimate, mean_difference, stratified_mean

__all__ = ["Method", "NeuronCopiesFindings", "Protected"]

Reals = npt.NDArray[np.float64]

Method = Literal["unprotected", "split", "triplicated"]


@final
@dataclass(frozen=True, eq=False)
class Protected:
    """The trials of a campaign on a network with some critical neurons protected."""

    critical: Reals
    """Whether the prediction changed, ``(trials,)``."""
    drop: Reals
    """By how much the fault decreased the accuracy, as a share, relative to the same network."""
    neurons: int
    """All neurons that are computed, copies included."""
    changed: float
    """Share of the test samples whose prediction differs without faults."""
    left_out: str = ""
    """The modules whose critical neurons are not protected, and why."""


@final
@dataclass(frozen=True, eq=False)
class NeuronCopiesFindings:
    """A network without protection, and with its critical neurons from several thresholds on."""

    network: str
    images: int
    analyzed: int
    """Samples from which the vulnerability of neurons was computed."""
    accuracy: tuple[float, float]
    """Share of correct predictions on all test samples, in floating point and in integers."""
    strata: npt.NDArray[np.int64]
    """The stratum of each fault."""
    since: Sequence[float]
    """The least NVF of the neurons of each stratum, descending to 0."""
    populations: Sequence[int]
    """Number of faults in each stratum."""
    counts: Mapping[float, int]
    """Neurons with at least this NVF, by threshold, the lowest of which is 0."""
    largest: float
    """The largest NVF of a neuron."""
    before: Protected
    after: Mapping[tuple[float, Method], Protected]
    """By threshold and method, where there are critical neurons."""
    thresholds: Sequence[float] = ()

    @property
    def neurons(self) -> int:
        """All neurons of the unprotected network."""
        return self.counts[0.0]

    def of(self, threshold: float, method: Method) -> Protected | None:
        """The network protected by a method; None without critical neurons."""
        return self.before if method == "unprotected" else self.after.get((threshold, method))

    def critical(self, threshold: float, method: Method, *, since: float = 0.0) -> Estimate | None:
        """Share of the faults in neurons with at least an NVF that change a prediction."""
        found = self.of(threshold, method)
        if found is None:
            return None
        return stratified_mean(self._cells(found.critical, since))

    def drop(self, threshold: float, method: Method, *, since: float = 0.0) -> Estimate | None:
        """Loss of accuracy under a fault in a neuron with at least an NVF, as a share."""
        found = self.of(threshold, method)
        return None if found is None else self._difference(found.drop, since)

    def reduction(
        self, threshold: float, figure: Literal["critical", "drop"], times: float, *, since: float
    ) -> Estimate | None:
        """The figure without protection, divided by ``times``, minus that of the split network.

        At least 0 if splitting reduces it so many times. Trials are pairs of the same fault.
        """
        split = self.of(threshold, "split")
        if split is None:
            return None
        before, after = (getattr(one, figure) for one in (self.before, split))
        return self._difference(before / times - after, since)

    def beyond_copies(self, threshold: float, *, since: float) -> Estimate | None:
        """How much more accuracy the split network loses than that with three copies."""
        split, three = self.of(threshold, "split"), self.of(threshold, "triplicated")
        if split is None or three is None:
            return None
        return self._difference(split.drop - three.drop, since)

    def _difference(self, values: Reals, since: float) -> Estimate:
        # A half of one loss minus another may be below -1.
        cells = self._cells(values / 2, since)
        return mean_difference(cells).map(lambda x: 2 * x, "share")

    def _cells(self, values: Reals, since: float) -> list[Cell]:
        strata = enumerate(zip(self.populations, self.since, strict=True))
        return [
            Cell(values[self.strata == number], faults)
            for number, (faults, least) in strata
            if faults and least >= since
        ]
