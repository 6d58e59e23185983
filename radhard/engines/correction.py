"""How much do inferred verdicts bias a mean, and how uncertain is that estimate?"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.engines.inference import Inference
from radhard.samplers import Trials
from radhard.space import FaultSpace, Numbers
from radhard.stats import Estimate, mean_share

__all__ = ["Correction", "MeanTrials", "correction"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """The correction of a weighted mean over trials, estimated from a sample of inferred verdicts.

    ``rows`` is to be added to the figures of the trials, ``(trials,)``: a wrong verdict in the
    sample represents others that were not executed (a difference estimator). The corrected mean
    may still be too low by ``above`` and too high by ``below``.
    """

    rows: Floats
    above: float = 0.0
    below: float = 0.0

    def within(self, figures: Floats, added: Floats, least: float = 0.0) -> Floats:
        """Corrected figures, clipped to ``least`` and 1; uncorrected ones are unchanged."""
        return np.where(added != 0, (figures + added).clip(least, 1.0), figures)

    def around(
        self,
        value: float,
        sampling: Estimate,
        trials: int,
        *,
        least: float = 0.0,
        scale: float = 1.0,
    ) -> Estimate:
        """The corrected ``value``, with an interval for the draw of faults and of this sample.

        The two draws are independent, so that the distances to their limits are combined as the
        root of the sum of their squares (Zou & Donner, Statistics in Medicine 2008).
        ``sampling`` is the mean and its interval if no verdict were wrong; its unit is ``scale``
        units of the figure.
        """
        value = min(1.0, max(least, value))
        # Each side by itself, as neither interval is symmetric near 0 or 1.
        high = value + math.hypot(sampling.high - sampling.value, self.above / scale)
        low = value - math.hypot(sampling.value - sampling.low, self.below / scale)
        # Without the tolerance, a limit at the least value would differ from it by rounding.
        low, high = least if low < least + 1e-12 else low, min(1.0, high)
        return Estimate(value, min(low, value), max(high, value), sampling.confidence, trials)


@dataclass(frozen=True)
class MeanTrials:
    """The trials of a mean, and which counts of which records their verdicts are in."""

    names: Sequence[str]
    """Of the records: regions or, of trials with many faults, strata."""
    starts: Numbers
    """The number of the first count of each record, and the number of all counts."""
    counts: Numbers
    """The number of each trial's count."""
    numbers: Numbers
    """The numbers by which records name trials: their faults, or their own."""

    @classmethod
    def of_faults(cls, space: FaultSpace, faults: Numbers) -> "MeanTrials":
        """Trials of one fault each: a count for each region and variant."""
        names = [space.name(place) for place in range(len(space.regions))]
        places, _, variants = space.locate(faults)
        return cls(names, space.variant_starts, space.variant_starts[places] + variants, faults)

    @classmethod
    def of_strata(cls, trials: Trials, numbers: Numbers) -> "MeanTrials":
        """Trials of many faults: a count for each stratum."""
        names = [stratum.name for stratum in trials.strata]
        return cls(names, np.arange(len(names) + 1), trials.strata_of(numbers), numbers)


def correction(
    records: Collection[Inference],
    trials: MeanTrials,
    column: int,
    weights: Floats,
    confidence: float = 0.95,
    *,
    finite: bool = True,
) -> Correction:
    """The correction of a mean over ``trials``, given their ``weights`` in the mean.

    With ``finite``, the limits hold for the errors in these trials; else for those in all faults
    that they represent, of which the executed verdicts are a sample as well.
    ``column`` is the number of the figure. Only records of these trials count. If a mean contains
    only some trials of a record, the verdicts of the record count in proportion.
    """
    rows = np.zeros(len(weights))
    if not records or not len(weights):
        return Correction(rows)
    # A run file from another source may contain records of other regions or of none.
    named = {name: place for place, name in enumerate(trials.names)}
    key, ends, size = trials.counts, trials.starts[1:-1], int(trials.starts[-1])
    here = np.bincount(key, minlength=size)
    # The mean weight of a trial with this variant, of which the bounds below are multiples.
    weight = np.bincount(key, weights, minlength=size) / np.maximum(here, 1)
    largest = np.zeros(size)
    np.maximum.at(largest, key, weights)
    cells = _Cells(
        named,
        np.split(here, ends),
        np.split(weight, ends),
        np.split(largest, ends),
        _recorded(records, named, np.diff(trials.starts)),
    )
    order = np.argsort(trials.numbers, kind="stable")
    above = below = 0.0
    for kind in ("pairs", "trials", "overflow"):
        own = [record for record in records if record.kind == kind]
        errors = _errors(own, column, trials.numbers, weights, order)
        for error in errors:
            # Each wrong verdict represents 1 / share verdicts (Horvitz-Thompson). The figures
            # already contain the executed verdict itself, hence - 1.
            rows[error.row] += error.by * (1 / error.share - 1)
        for side, sign in ((0, 1.0), (1, -1.0)):
            farther, nearer = _limits(own, column, side, sign, cells, errors, confidence, finite)
            up, down = (farther, nearer) if side == 0 else (nearer, farther)
            above, below = math.hypot(above, up), math.hypot(below, down)
    return Correction(rows, above, below)


@dataclass(frozen=True)
class _Cells:
    """The trials of a mean, by record and count: their number, weights, and number in records."""

    places: dict[str, int]
    here: list[Numbers]
    weight: list[Floats]
    largest: list[Floats]
    recorded: list[Numbers]

    def part(self, place: int) -> Floats:
        """The share of the recorded trials that is in this mean."""
        found: Floats = np.minimum(self.here[place] / np.maximum(self.recorded[place], 1), 1.0)
        return found


@dataclass(frozen=True)
class _Error:
    """A wrong verdict in the sample, and the resulting error of the figure of its trial."""

    row: int
    by: float
    weight: float
    share: float


def _recorded(
    records: Collection[Inference], places: dict[str, int], sizes: Numbers
) -> list[Numbers]:
    found = [np.zeros(count, dtype=np.int64) for count in sizes.tolist()]
    seen = set()
    for record in records:
        # A trial whose sums may overflow is in two records; it is counted once.
        if record.tensor in places and record.kind == "pairs":
            found[places[record.tensor]] += record.trials
            seen.add(record.tensor)
    for record in records:
        if record.tensor in places and record.tensor not in seen:
            found[places[record.tensor]] += record.trials
    return found


def _errors(
    records: Collection[Inference], column: int, numbers: Numbers, weights: Floats, order: Numbers
) -> list[_Error]:
    found = []
    for record in records:
        for number, by in record.wrong:
            # A number that is not found belongs to trials that this mean leaves out.
            at = int(np.searchsorted(numbers, number, sorter=order))
            if by[column] and at < len(numbers) and numbers[order[at]] == number:
                row = int(order[at])
                found.append(
                    _Error(row, by[column] / record.samples, float(weights[row]), record.share)
                )
    return found


def _limits(
    records: Collection[Inference],
    column: int,
    side: int,
    sign: float,
    cells: _Cells,
    errors: list[_Error],
    confidence: float,
    finite: bool,
) -> tuple[float, float]:
    """How much larger, and how much smaller, the error of the mean on one side may be than found.

    Each verdict of the sample has as its value the error that it represents, divided by the largest
    possible one: the interval is that of a mean of values in [0, 1], most of which are 0.
    """
    tried, unit, open_, population = 0.0, 0.0, 0.0, 0.0
    for record in records:
        place = cells.places.get(record.tensor)
        if place is None:
            continue
        part = cells.part(place)
        every, some = (np.array(counts[column][side]) for counts in (record.open, record.sample))
        open_ += float((part * (every - some) * cells.weight[place]).sum()) / record.samples
        if (some * part).any():
            # As many verdicts were open as were tried, divided by the probability of being tried.
            tried += float((part * some).sum())
            population += float((part * some).sum()) / record.share
            largest = float(cells.largest[place][some > 0].max())
            # One wrong verdict changes the mean by at most its weight over the samples, times the
            # number of verdicts that it represents.
            unit = max(unit, largest / (record.samples * record.share))
    if not open_:
        return 0.0, 0.0
    wrong = np.array([abs(e.by) * e.weight / e.share for e in errors if e.by * sign > 0])
    number = max(round(tried), len(wrong))
    # Nothing was executed: all open verdicts may be wrong.
    if not number:
        return open_, 0.0
    unit = max([unit, *wrong.tolist()])
    values = np.zeros(number)
    # All others were right, and have no error.
    values[: len(wrong)] = wrong / unit
    of = max(number, round(population)) if finite else None
    found = mean_share(values, population=of, confidence=confidence)
    scale = number * unit
    return min(scale * (found.high - found.value), open_), scale * (found.value - found.low)
