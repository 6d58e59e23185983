"""What is the mean over a population of faults, when only some were tried?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radhard.errors import InputError
from radhard.stats.compatible import Stratum, largest_mean
from radhard.stats.estimate import Estimate
from radhard.stats.sample_size import effective_size, two_sided

__all__ = ["Cell", "crowding", "mean_difference", "mean_share", "stratified_mean"]


@dataclass(frozen=True)
class Cell:
    """Trials of one stratum of the fault space, such as one tensor or one bit of one tensor.

    ``values`` holds one figure per trial, ``(trials,)``, drawn without replacement; ``population``
    is the number of faults in the stratum, None for an endless one. Where faults were drawn
    together, as all those of a word, ``values`` is ``(words, faults of each)``, in the same order
    of faults for every word, and ``population`` counts words. ``within``: the range in which the
    figure of a fault that was not drawn is taken to lie, by default all that is possible.
    ``crowding``: faults of a word that count as one trial of what no word has shown (see
    `crowding`).
    """

    values: ArrayLike
    population: int | None
    within: tuple[float, float] | None = None
    crowding: float = 1.0


def crowding(values: ArrayLike) -> float:
    """How many faults of a word come to harm together: the design effect of drawing words whole.

    ``values``: ``(words, faults of each)``. The variance of a word's sum, over what it would be
    if its faults had nothing to do with each other; from 1 to the number of faults.

    >>> crowding([[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    4.0
    """
    array = np.asarray(values, dtype=np.float64)
    apart = array - array.mean(axis=0)
    alone = float(np.sum(apart**2))
    if alone <= 1e-12:
        return 1.0
    return min(max(float(np.sum(apart.sum(axis=1) ** 2)) / alone, 1.0), float(array.shape[1]))


def mean_share(
    values: ArrayLike, *, population: int | None = None, confidence: float = 0.95
) -> Estimate:
    """The mean of per-trial fractions in [0, 1], as of the share of samples that a fault harms.

    The trials are a simple random sample, without replacement, of ``population`` faults (None: of
    endlessly many). The limits are those of the populations that Pearson's chi-square does not
    reject, with the worst case always among the possible values: on verdicts of 0 and 1 Wilson's
    limits or the exact (hypergeometric) ones, whichever lie farther out, so that they hold at every
    confidence; on fractions narrower, since their spread is used, but without the belief that what
    was not drawn does not exist. Once all of the population has
    been tried, the interval is the point.

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

    Limits as in `mean_share`, with one budget of contradiction for all strata together. A stratum
    without trials is unknown: its value is taken as the mean of the others, its interval as [0, 1].

    Raises:
        InputError: no trials at all, values outside [0, 1], more trials than faults in a stratum,
            or endless populations side by side, which have no weights.

    >>> print(stratified_mean([Cell([0, 1, 0, 0] * 50, 90_000), Cell([1, 1, 1, 0] * 50, 10_000)]))
    30 % [25 %, 36 %] (95 %, 400 trials)
    """
    return _mean(cells, 0.0, 1.0, confidence)


def mean_difference(cells: Sequence[Cell], confidence: float = 0.95) -> Estimate:
    """The mean of paired per-trial differences in [-1, 1], strata weighted by their populations.

    A value is what one fault did after a change, less what the same fault did before. Limits as in
    `stratified_mean`, the worst cases being -1 and 1; what is common to both sides cancels within
    the trial. A stratum without trials has the interval [-1, 1].

    Raises:
        InputError: as `stratified_mean`.

    >>> print(mean_difference([Cell([-0.1, -0.3, 0.0, -0.2] * 100, 50_000)]))
    -15.0 % [-16.3 %, -13.5 %] (95 %, 400 trials)
    """
    return _mean(cells, -1.0, 1.0, confidence)


def _mean(cells: Sequence[Cell], bottom: float, top: float, confidence: float) -> Estimate:
    z = two_sided(confidence)
    arrays = [_checked(cell.values, bottom, top) for cell in cells]
    trials = sum(values.size for values in arrays)
    if trials == 0:
        raise InputError("there are no trials to take a mean of; run at least one")
    strata = [
        Stratum(
            values.reshape(len(values), -1).mean(axis=1) if values.size else values.reshape(-1),
            weight,
            effective_size(len(values), cell.population),
            _tried(values, cell),
        )
        for values, weight, cell in zip(arrays, _weights(cells), cells, strict=True)
    ]
    known = [s for s in strata if s.values.size]
    total = sum(s.weight for s in known)
    if total == 0:
        raise InputError("every stratum that was tried has an empty population")
    value = sum(s.weight * float(s.values.mean()) for s in known) / total
    high = _highest(list(zip(cells, arrays, strata, strict=True)), top, z)
    mirrored = [
        (
            replace(c, within=None if c.within is None else (-c.within[1], -c.within[0])),
            -array,
            Stratum(-s.values, s.weight, s.size, s.tried),
        )
        for c, array, s in zip(cells, arrays, strata, strict=True)
    ]
    low = -_highest(mirrored, -bottom, z)
    # What was tried is part of the population: no limit may leave less room to it than that.
    seen = sum(s.weight * s.tried * float(s.values.mean()) for s in known)
    room = sum(s.weight * (1 - s.tried) for s in strata)
    low = max(low, seen + room * bottom) + 0.0  # never -0.0
    high = min(high, seen + room * top)
    if room == 0:
        low = high = value
    return Estimate(value, min(low, value), max(high, value), confidence, trials)


def _highest(known: list[tuple[Cell, NDArray[np.float64], Stratum]], top: float, z: float) -> float:
    """The largest mean, once every stratum is scaled to the range in which its values may lie."""
    fixed, strata = 0.0, []
    for cell, values, stratum in known:
        if not stratum.values.size:
            strata.append(stratum)
            continue
        if values.ndim == 1:
            worst, best = cell.within[::-1] if cell.within else (top, top - 1)
            worst = min(worst, top)
        else:
            # What a word may be at most, by what was seen of each of its faults; and by itself
            # what a fault of it may be beyond that, of which every fault drawn is a trial.
            least, most = values.min(axis=0), values.max(axis=0)
            worst, best = float(most.mean()), float(least.mean())
            beyond = top - float(most.min())
            size = effective_size(
                values.size, cell.population and cell.population * values.shape[1]
            )
            crowd = min(max(cell.crowding, 1.0), values.shape[1])
            none = np.full(math.ceil(values.size / crowd), top - 1)
            strata.append(Stratum(none, stratum.weight * beyond, size / crowd, stratum.tried))
            fixed += stratum.weight * beyond * (1 - top)
        span = worst - best
        if span <= 0:
            fixed += stratum.weight * float(stratum.values.mean())
            continue
        scaled = np.minimum((stratum.values - worst) / span + top, top).round(12)
        strata.append(Stratum(scaled, stratum.weight * span, stratum.size, stratum.tried))
        fixed += stratum.weight * (worst - span * top)
    return fixed + largest_mean(strata, top, z)


def _tried(values: NDArray[np.float64], cell: Cell) -> float:
    return len(values) / cell.population if cell.population else 0.0


def _weights(cells: Sequence[Cell]) -> list[float]:
    populations = [cell.population for cell in cells]
    if len(cells) == 1:
        return [1.0]
    finite = [float(n) for n in populations if n is not None]
    if len(finite) < len(populations):
        raise InputError("strata of endless populations have no weights; give each its population")
    total = sum(finite)
    return [n / total if total else 0.0 for n in finite]


def _checked(values: ArrayLike, bottom: float, top: float) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    array = array if array.ndim == 2 else array.reshape(-1)
    # Written so that NaN is refused with the rest.
    outside = array[~((array >= bottom - 1e-9) & (array <= top + 1e-9))]
    if outside.size:
        raise InputError(
            f"{outside.size} of {array.size} values are not in [{bottom:g}, {top:g}], the first is "
            f"{float(outside[0])!r}; figures without bounds have quantile_interval"
        )
    # No share of samples differs by less; without the noise of rounding, equal values are equal.
    rounded: NDArray[np.float64] = np.clip(array, bottom, top).round(12)
    return rounded + 0.0  # -0.0 and 0.0 are one value
