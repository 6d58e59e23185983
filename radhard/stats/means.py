"""What is the mean over a population of faults, given a sample of them?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radhard.errors import InputError
from radhard.stats.compatible import StratumSample, largest_mean
from radhard.stats.estimate import Estimate
from radhard.stats.sample_size import effective_size, two_sided

__all__ = ["Cell", "crowding", "mean_difference", "mean_share", "stratified_mean"]


@dataclass(frozen=True)
class Cell:
    """Trials of one stratum of the fault space, such as one tensor or one bit of one tensor.

    ``values`` contains one value per trial, ``(trials,)``, drawn without replacement;
    ``population`` is the number of faults in the stratum, None if it is infinite. If faults were
    drawn in clusters, such as all faults of a word, ``values`` is ``(words, faults per word)``,
    with the faults of every word in the same order, and ``population`` counts words (faults, if
    there are no trials); several cells are weighted by their faults. ``within`` is
    the assumed range of the values of faults that were not drawn, by default all possible values.
    ``crowding`` is the number of faults of a word that count as one trial for values that were not
    observed in any word (see `crowding`).
    """

    values: ArrayLike
    population: int | None
    within: tuple[float, float] | None = None
    crowding: float = 1.0

    @property
    def faults(self) -> int | None:
        """The number of faults in the stratum."""
        words = np.ndim(self.values) == 2
        return self.population and self.population * (np.shape(self.values)[1] if words else 1)


def crowding(values: ArrayLike) -> float:
    """The design effect of drawing all faults of a word together.

    ``values``: ``(words, faults per word)``. The variance of the sum over a word, divided by its
    variance if the faults were uncorrelated; from 1 to the number of faults per word.

    >>> crowding([[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    4.0
    """
    array = np.asarray(values, dtype=np.float64)
    centred = array - array.mean(axis=0)
    uncorrelated = float(np.sum(centred**2))
    if uncorrelated <= 1e-12:
        return 1.0
    effect = float(np.sum(centred.sum(axis=1) ** 2)) / uncorrelated
    return min(max(effect, 1.0), float(array.shape[1]))


def mean_share(
    values: ArrayLike, *, population: int | None = None, confidence: float = 0.95
) -> Estimate:
    """The mean of per-trial fractions in [0, 1], such as the share of samples that a fault affects.

    The trials are a simple random sample, without replacement, of ``population`` faults (None: an
    infinite number). The limits are the extreme means of the populations that Pearson's chi-square
    test does not reject, where every population may contain the values 0 and 1, observed or not.
    For verdicts of 0 and 1 the interval is Wilson's or the exact (hypergeometric) one, whichever is
    wider, so that it has the nominal coverage at every confidence. For fractions it is narrower,
    because it uses their sample variance. If the whole population was tried, it has width 0.

    Raises:
        InputError: no values, values outside [0, 1], or more values than the population has.

    >>> print(mean_share([0.0] * 2000))
    0 % [0 %, 0.19 %] (95 %, none in 2,000 trials)
    >>> print(mean_share([0.1, 0.2, 0.3, 0.2] * 100, population=10_000))
    20.0 % [19.3 %, 21.0 %] (95 %, 400 trials)
    """
    return _mean([Cell(values, population)], 0.0, 1.0, confidence)


def stratified_mean(cells: Sequence[Cell], confidence: float = 0.95) -> Estimate:
    """The mean share over a fault space of unequal strata, each weighted by its population.

    Limits as in `mean_share`, with one chi-square statistic for all strata together. A stratum
    without trials is estimated by the mean of the others, and its interval is [0, 1].

    Raises:
        InputError: no trials at all, values outside [0, 1], more trials than faults in a stratum,
            or several infinite populations, whose weights are undefined.

    >>> print(stratified_mean([Cell([0, 1, 0, 0] * 50, 90_000), Cell([1, 1, 1, 0] * 50, 10_000)]))
    30 % [25 %, 36 %] (95 %, 400 trials)
    """
    return _mean(cells, 0.0, 1.0, confidence)


def mean_difference(cells: Sequence[Cell], confidence: float = 0.95) -> Estimate:
    """The mean of paired per-trial differences in [-1, 1], strata weighted by their populations.

    A value is the effect of a fault after a change minus the effect of the same fault before it,
    so what both have in common cancels within the trial. Limits as in `stratified_mean`, with
    extreme values -1 and 1. A stratum without trials has the interval [-1, 1].

    Raises:
        InputError: as `stratified_mean`.

    >>> print(mean_difference([Cell([-0.1, -0.3, 0.0, -0.2] * 100, 50_000)]))
    -15.0 % [-16.3 %, -13.5 %] (95 %, 400 trials)
    """
    return _mean(cells, -1.0, 1.0, confidence)


def _mean(cells: Sequence[Cell], bottom: float, top: float, confidence: float) -> Estimate:
    z = two_sided(confidence)
    arrays = [_check(cell.values, bottom, top) for cell in cells]
    trials = sum(values.size for values in arrays)
    if trials == 0:
        raise InputError("the mean of no trials is undefined; run at least one")
    strata = [
        StratumSample(
            # The value of a word is the mean of its faults. For no values, the second axis of
            # reshape(0, -1) would be undefined.
            values.reshape(len(values), -1).mean(axis=1) if values.size else values.reshape(-1),
            weight,
            effective_size(len(values), cell.population),
            _fraction(values, cell),
        )
        for values, weight, cell in zip(arrays, _weights(cells), cells, strict=True)
    ]
    observed = [s for s in strata if s.values.size]
    total = sum(s.weight for s in observed)
    if total == 0:
        raise InputError("all strata with trials have an empty population")
    value = sum(s.weight * float(s.values.mean()) for s in observed) / total
    high = _highest(list(zip(cells, arrays, strata, strict=True)), top, z)
    # The smallest mean is minus the largest mean of the negated values, whose top is -bottom.
    mirrored = [
        (
            replace(c, within=None if c.within is None else (-c.within[1], -c.within[0])),
            -array,
            StratumSample(-s.values, s.weight, s.size, s.fraction),
        )
        for c, array, s in zip(cells, arrays, strata, strict=True)
    ]
    low = -_highest(mirrored, -bottom, z)
    # The finite-population limits: the trials are part of the population, so its mean is at least
    # the one with all untried faults at the bottom, and at most the one with all of them at the
    # top.
    # Without this, chi-square limits reach beyond what the untried faults could do once most of
    # a small population was tried.
    tried = sum(s.weight * s.fraction * float(s.values.mean()) for s in observed)
    untried = sum(s.weight * (1 - s.fraction) for s in strata)
    low = max(low, tried + untried * bottom) + 0.0  # adding 0.0 turns -0.0 into 0.0
    high = min(high, tried + untried * top)
    if untried == 0:
        low = high = value
    return Estimate(value, min(low, value), max(high, value), confidence, trials)


def _highest(
    cells: list[tuple[Cell, NDArray[np.float64], StratumSample]], top: float, z: float
) -> float:
    """The largest compatible mean, with every stratum scaled to the range of its values.

    ``largest_mean`` requires one largest value for all strata. A stratum whose values lie in a
    narrower range is scaled so that its range ends at ``top``; its weight is multiplied by the
    width of the range, and the constant part of its mean is added afterwards.
    """
    fixed, strata = 0.0, []
    for cell, values, stratum in cells:
        if not stratum.values.size:
            strata.append(stratum)
            continue
        if values.ndim == 1:
            # By default a range of width 1 that ends at the top, with which scaling changes
            # nothing.
            worst, best = cell.within[::-1] if cell.within else (top, top - 1)
            # Rounding must not lift the end of an assumed range above the top.
            worst = min(worst, top)
        else:
            # Two parts: the mean of a word within the observed range of each of its faults, and
            # the excess of a fault above the range observed for it. No trial shows any excess, and
            # every fault drawn is a trial of it, except that faults of a word are correlated:
            # `crowding` of them count as one.
            least, most = values.min(axis=0), values.max(axis=0)
            worst, best = float(most.mean()), float(least.mean())
            excess = top - float(most.min())
            size = effective_size(
                values.size, cell.population and cell.population * values.shape[1]
            )
            crowd = min(max(cell.crowding, 1.0), values.shape[1])
            # Values 1 below the top stand for no excess; what they add to the mean is subtracted
            # from the fixed part.
            none = np.full(math.ceil(values.size / crowd), top - 1)
            strata.append(
                StratumSample(none, stratum.weight * excess, size / crowd, stratum.fraction)
            )
            fixed += stratum.weight * excess * (1 - top)
        span = worst - best
        if span <= 0:
            fixed += stratum.weight * float(stratum.values.mean())
            continue
        # Scaling rounds. The minimum keeps the largest value at the top, and rounding off the last
        # digits keeps equal values equal, as they form one category.
        scaled = np.minimum((stratum.values - worst) / span + top, top).round(12)
        strata.append(StratumSample(scaled, stratum.weight * span, stratum.size, stratum.fraction))
        fixed += stratum.weight * (worst - span * top)
    return fixed + largest_mean(strata, top, z)


def _fraction(values: NDArray[np.float64], cell: Cell) -> float:
    return len(values) / cell.population if cell.population else 0.0


def _weights(cells: Sequence[Cell]) -> list[float]:
    populations = [cell.faults for cell in cells]
    if len(cells) == 1:
        return [1.0]
    finite = [float(n) for n in populations if n is not None]
    if len(finite) < len(populations):
        raise InputError("strata of infinite populations have no weights; give each its population")
    total = sum(finite)
    return [n / total if total else 0.0 for n in finite]


def _check(values: ArrayLike, bottom: float, top: float) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    array = array if array.ndim == 2 else array.reshape(-1)
    # The negated condition also selects NaN.
    outside = array[~((array >= bottom - 1e-9) & (array <= top + 1e-9))]
    if outside.size:
        raise InputError(
            f"{outside.size} of {array.size} values are not in [{bottom:g}, {top:g}], the first is "
            f"{float(outside[0])!r}; use quantile_interval for values without bounds"
        )
    # Shares of samples differ by more than 1e-12, so rounding only makes equal values identical.
    rounded: NDArray[np.float64] = np.clip(array, bottom, top).round(12)
    return rounded + 0.0  # -0.0 becomes 0.0
