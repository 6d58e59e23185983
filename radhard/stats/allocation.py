"""How many trials does each stratum need for an interval of a given width?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.stats.sample_size import two_sided

__all__ = ["StratumPlan", "allocation", "floor_and_neyman", "floor_size"]

_GRID = 200
"""Floors that are tried, from the least possible to 100 times as many."""

_LEAST_MARGIN = 1e-30
"""Smaller margins are planned for as this one, for which every space is exhausted: numbers of
trials stay finite."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StratumPlan:
    """What is known of a stratum before more trials are drawn.

    ``weight``: its share of the faults of the group. ``cap``: the largest possible value.
    ``deviation``: the standard deviation of its values over ``cap``. ``population``: its faults.
    """

    weight: float
    cap: float
    deviation: float
    population: int


def floor_size(reach: float, margin: float, confidence: float) -> float:
    """The trials without which no interval can have half the width ``margin``, whatever they show.

    Faults that were not drawn may have the largest possible value, so that the upper limit is about
    ``reach z^2 / n`` even if no trial shows any harm. ``reach``: the mean of the largest possible
    values, 1 without caps.

    >>> round(floor_size(1.0, 0.001, 0.95)), round(floor_size(1.0, 0.01, 0.99))
    (1921, 332)
    """
    if not margin > 0:
        raise InputError(f"margin={margin!r} is not above 0; 0.01 is one percentage point")
    return reach * two_sided(confidence) ** 2 / (2 * max(margin, _LEAST_MARGIN))


def allocation(
    strata: list[StratumPlan], margin: float, confidence: float
) -> npt.NDArray[np.int64]:
    """The planned number of trials of each stratum for an interval of half the width ``margin``.

    The upper limit of `stratified_mean` divides its budget z^2 between the spread that the trials
    show and mass at the largest value that none has shown. So there are two kinds of trials: a
    *floor* of n0 in proportion to weight and cap, and a *Neyman* part in proportion to weight, cap
    and deviation, which makes the variance of the mean V. With U the sum of weight times cap, and
    s = z sqrt(V), the limits are s below the mean and, above it,

        s                          if s < V n0 / (2 U), else
        U z^2 / n0 + V n0 / (4 U)

    The floor and the variance with the fewest trials are taken. At least 2 trials a stratum, at
    most all of its faults.

    Raises:
        InputError: a margin not above 0.

    >>> quiet, harmful = StratumPlan(0.9, 1.0, 0.0, 10**6), StratumPlan(0.1, 1.0, 0.2, 10**6)
    >>> allocation([quiet, harmful], 0.001, 0.95).tolist()
    [3305, 2398]
    """
    reaches, spreads = _reaches(strata)
    reach, spread = float(reaches.sum()), float(spreads.sum())
    if reach == 0:
        return np.zeros(len(strata), np.int64)
    populations = np.array([s.population for s in strata], np.int64)
    floor, neyman = floor_and_neyman(strata, margin, confidence)
    sizes = np.maximum(floor * reaches / reach, neyman * spreads / spread if spread else 0.0)
    sizes = np.where(reaches > 0, np.maximum(np.ceil(sizes), 2), 0)
    # Not the other way round: the sizes that a small margin needs are beyond int64.
    planned: npt.NDArray[np.int64] = np.minimum(sizes, populations).astype(np.int64)
    return planned


def floor_and_neyman(
    strata: list[StratumPlan], margin: float, confidence: float
) -> tuple[float, float]:
    """The trials of the floor and of the Neyman part in `allocation`.

    >>> quiet, harmful = StratumPlan(0.9, 1.0, 0.0, 10**6), StratumPlan(0.1, 1.0, 0.2, 10**6)
    >>> [round(trials) for trials in floor_and_neyman([quiet, harmful], 0.001, 0.95)]
    [3672, 2397]
    """
    z = two_sided(confidence)
    reaches, spreads = _reaches(strata)
    reach, spread = float(reaches.sum()), float(spreads.sum())
    least = floor_size(reach, margin, confidence)
    if reach == 0 or spread == 0:
        return least, 0.0
    floors = least * np.logspace(1e-6, 2, _GRID)
    neymans = spread**2 / _variances(floors, reach, margin, z)
    best = int(np.argmin(floors + neymans))
    return float(floors[best]), float(neymans[best])


def _reaches(strata: list[StratumPlan]) -> tuple[Floats, Floats]:
    """For each stratum its weight times its cap, and that times its deviation."""
    reaches = np.array([s.weight * s.cap for s in strata])
    return reaches, reaches * np.array([s.deviation for s in strata])


def _variances(floors: Floats, reach: float, margin: float, z: float) -> Floats:
    """For each floor the largest variance of the mean with half the width at most the margin."""
    low, high = np.zeros_like(floors), np.full_like(floors, (margin / z) ** 2)
    for _ in range(60):
        middle = (low + high) / 2
        narrow = _half_widths(floors, middle, reach, z) <= margin
        low, high = np.where(narrow, middle, low), np.where(narrow, high, middle)
    return np.maximum(low, 1e-300)


def _half_widths(floors: Floats, variances: Floats, reach: float, z: float) -> Floats:
    down = z * np.sqrt(variances)
    half = variances * floors / (2 * reach)
    up = np.where(down < half, down, reach * z * z / floors + half / 2)
    widths: Floats = (up + down) / 2
    return widths
