"""What do the published formulas of statistical fault injection estimate?"""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from radhard.group_labels import labels
from radhard.samplers import PerTensor, Trials, Uniform
from radhard.space import FaultSpace
from radhard.stats import Estimate, critical_value
from radhard.studies.exhausted.simulation import SimulatedCampaign, Simulation

__all__ = ["iterative_campaign", "normal_estimates"]

_FIRST, _STEP = 500, 100
"""Trials of a group after which an iterative campaign looks for the first time, and then again."""

Floats = npt.NDArray[np.float64]


def normal_estimates(
    space: FaultSpace, trials: Trials, values: Floats, by: str | None, confidence: float
) -> dict[str, Estimate]:
    """The rates of all groups with the normal interval, from strata that lie in one group each.

    ``t sqrt(sum W^2 s^2 / n (N - n) / (N - 1))`` with the variance s^2 that the trials show, as
    sample sizes are derived (Leveugle et al., DATE 2009); of a stratum without trials, whose rate
    is expected to be nearly 0, it is taken to be 0.
    """
    table, t = labels(space, by), critical_value(confidence)
    strata = trials.strata_of(np.arange(len(trials)))
    sums: dict[str, list[float]] = {}
    for at, stratum in enumerate(trials.strata):
        own, size = values[strata == at], stratum.population
        # The faults of a stratum are in one group, unless there is only one group.
        place, _, variant = (int(part[0]) for part in space.locate(np.array([stratum.start])))
        group = sums.setdefault(
            table[int(space.variant_starts[place]) + variant], [0.0, 0.0, 0.0, 0.0]
        )
        group[0] += size
        group[3] += len(own)
        if len(own):
            group[1] += size * own.mean()
            left = (size - len(own)) / max(size - 1, 1)
            group[2] += size**2 * own.var() / len(own) * left
    found = {}
    for name, (faults, total, variance, tried) in sums.items():
        mean, half = total / faults, t * math.sqrt(variance) / faults
        low, high = max(0.0, mean - half), min(1.0, mean + half)
        found[name] = Estimate(mean, min(low, mean), max(high, mean), confidence, int(tried))
    return found


def iterative_campaign(
    simulation: Simulation, margin: float, confidence: float, by: str | None, seed: int
) -> SimulatedCampaign:
    """A campaign that goes on until the margin, computed from the rate so far, is small enough.

    Trials of each group (the space, or a tensor) are drawn at random, 500 and then 100 at a time,
    until ``t sqrt(p (1 - p) / n (N - n) / (N - 1))`` is at most the margin, with the rate p that
    they show. A rate of 0 has a margin of 0.
    """
    space, t = simulation.space, critical_value(confidence)
    sampler = Uniform(len(space)) if by is None else PerTensor(n=len(space))
    order = sampler.draw(space, seed)
    sizes, begin = [], 0
    for stratum in order.strata:
        sizes.append(_enough(simulation, order, begin, stratum.trials, t, margin))
        begin += stratum.trials
    strata = [replace(stratum, trials=n) for stratum, n in zip(order.strata, sizes, strict=True)]
    drawn = Trials(strata, seed)
    values = simulation.harm[drawn.at(np.arange(len(drawn)))]
    return SimulatedCampaign(drawn, normal_estimates(space, drawn, values, by, confidence))


def _enough(
    simulation: Simulation, order: Trials, begin: int, population: int, t: float, margin: float
) -> int:
    """After how many of its trials, which begin at ``begin``, a group has the margin."""
    values, size = np.zeros(0), min(2 * _FIRST, population)
    while True:
        more = order.at(np.arange(begin + len(values), begin + size))
        values = np.concatenate([values, simulation.harm[more]])
        looks = np.arange(min(_FIRST, population), size + 1, _STEP)
        p = np.cumsum(values)[looks - 1] / looks
        left = (population - looks) / max(population - 1, 1)
        narrow = np.flatnonzero(t * np.sqrt(p * (1 - p) / looks * left) <= margin)
        if len(narrow):
            return int(looks[narrow[0]])
        if size == population:
            return population
        size = min(2 * size, population)
