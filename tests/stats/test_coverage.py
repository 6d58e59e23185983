"""Do the intervals hold the truth as often as they promise, where the truth is known?"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import hypergeom

from radhard.stats import (
    Cell,
    Estimate,
    effective_size,
    mean_difference,
    mean_share,
    stratified_mean,
    wilson,
)

Population = NDArray[np.float64]
DRAWS = 100
LEAST = 0.95
"""Of 100 intervals that hold the truth nine times in ten, 95 hold it with probability 6 %."""


def skewed(size: int, rate: float, harmful: int, seed: int) -> Population:
    """A population of faults of which few do harm, each to another share of the samples."""
    rng = np.random.default_rng(seed)
    values = np.zeros(size)
    values[:harmful] = rng.beta(0.5, 1.5, harmful)
    return np.clip(values * rate * size / values.sum(), 0, 1)


def rare_disasters() -> Population:
    """Slight harm nearly everywhere, and a few faults that ruin every sample."""
    values = 0.2 * np.random.default_rng(3).beta(2, 400, 4000)
    values[:8] = 1
    return values


def bits_of(words: int, top: float, seed: int) -> list[Population]:
    """The 32 bit positions of a tensor: one terrible, two bad, some slight, mantissa harmless."""
    rates = {30: top, 31: top / 10, 29: top / 10, 28: 0.001, 27: 0.001}
    shares = {30: 0.6, 31: 0.1, 29: 0.1, 28: 0.01, 27: 0.01}
    return [
        skewed(words, rates[bit], max(1, int(shares[bit] * words)), seed + bit)
        if bit in rates
        else np.zeros(words)
        for bit in range(32)
    ]


def coverage(
    strata: Sequence[Population],
    sizes: Sequence[int],
    estimate: Callable[[list[Cell]], Estimate],
) -> float:
    """In how many of the seeded campaigns the interval holds the exhausted mean."""
    truth = np.concatenate(list(strata)).mean()
    held = 0
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        cells = [
            Cell(rng.choice(values, min(n, values.size), replace=False), values.size)
            for values, n in zip(strata, sizes, strict=True)
        ]
        found = estimate(cells)
        held += found.low - 1e-9 <= truth <= found.high + 1e-9
    return held / DRAWS


def simple(cells: list[Cell]) -> Estimate:
    return mean_share(cells[0].values, population=cells[0].population)


def naive(cells: list[Cell]) -> Estimate:
    """What a script does: all trials in one pot, whatever they stand for."""
    return mean_share(np.concatenate([np.asarray(cell.values) for cell in cells]))


@pytest.mark.parametrize("n", [50, 600])
@pytest.mark.parametrize(
    "population",
    [
        skewed(4000, 0.0025, 40, seed=1),
        rare_disasters(),
        np.random.default_rng(2).beta(0.3, 0.7, 4000),
        1 - rare_disasters(),
    ],
    ids=["rate of 0.25 %", "rare disasters", "spread out", "rarely harmless"],
)
def test_simple_campaigns_hold_the_true_rate(population: Population, n: int) -> None:
    assert coverage([population], [n], simple) >= LEAST


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize(("population", "n"), [(37, 12), (1000, 20)])
def test_every_possible_number_of_harmful_faults_is_held(
    population: int, n: int, confidence: float
) -> None:
    assert worst_coverage(population, n, confidence, range(population + 1)) >= confidence


@pytest.mark.parametrize(
    ("population", "n", "confidence"), [(192, 96, 0.95), (192, 150, 0.9), (1000, 150, 0.99)]
)
def test_every_possible_number_is_held_where_much_of_the_population_is_tried(
    population: int, n: int, confidence: float
) -> None:
    assert worst_coverage(population, n, confidence, range(population + 1)) >= confidence


@pytest.mark.parametrize(
    "confidence", [0.9, 0.999, *(pytest.param(c, marks=pytest.mark.slow) for c in (0.95, 0.99))]
)
def test_rare_harm_is_held_at_every_confidence(confidence: float) -> None:
    """One event where a thirtieth of one was to be expected must not lift a limit over it."""
    rare = [*range(60), 494, 2000]
    assert worst_coverage(61_706, 344, confidence, rare) >= confidence


def worst_coverage(population: int, n: int, confidence: float, harmful: Iterable[int]) -> float:
    """The least probability that the interval holds the truth, exactly."""
    seen = np.arange(n + 1)
    found = [
        mean_share(np.repeat([0.0, 1.0], [n - k, k]), population=population, confidence=confidence)
        for k in range(n + 1)
    ]
    low = np.array([e.low for e in found]) - 1e-9
    high = np.array([e.high for e in found]) + 1e-9
    worst = 1.0
    for number in harmful:
        held = (low <= number / population) & (number / population <= high)
        worst = min(worst, hypergeom.pmf(seen, population, number, n)[held].sum())
    return worst + 1e-9


UNEQUAL = [
    skewed(300, 0.05, 40, seed=1),
    skewed(3000, 0.002, 20, seed=2),
    skewed(700, 0.01, 30, seed=3),
]


@pytest.mark.parametrize("n", [10, 30, 100])
def test_unequal_layers_hold_the_true_rate(n: int) -> None:
    assert coverage(UNEQUAL, [n] * 3, stratified_mean) >= LEAST


def test_naive_average_over_unequal_layers_misses_where_ours_holds() -> None:
    assert coverage(UNEQUAL, [100] * 3, naive) < 0.5
    assert coverage(UNEQUAL, [100] * 3, stratified_mean) >= LEAST


@pytest.mark.parametrize("n", [10, pytest.param(40, marks=pytest.mark.slow)])
def test_layers_by_bits_hold_the_true_rate(n: int) -> None:
    strata = bits_of(150, 0.5, 10) + bits_of(400, 0.3, 50) + bits_of(60, 0.6, 90)
    assert coverage(strata, [n] * len(strata), stratified_mean) >= LEAST


def sparse() -> list[Population]:
    """Many small strata in which hardly any fault does harm."""
    rng = np.random.default_rng(4)
    return [(rng.random(100) < 0.03).astype(float) for _ in range(40)]


def interval_per_stratum(cells: list[Cell]) -> Estimate:
    """The alternative: Wilson in every stratum, distances added in quadrature (Zou & Donner)."""
    total = sum(cell.population or 0 for cell in cells)
    weights = np.array([(cell.population or 0) / total for cell in cells])
    means = np.array([np.mean(cell.values) for cell in cells])
    sizes = [effective_size(np.size(cell.values), cell.population) for cell in cells]
    limits = np.array([wilson(m, n) for m, n in zip(means.tolist(), sizes, strict=True)])
    below, above = np.sqrt(weights**2 @ (means[:, None] - limits) ** 2)
    value = float(weights @ means)
    return Estimate(value, value - below, value + above, 0.95, 1)


@pytest.mark.parametrize("n", [2, 20])
def test_many_small_strata_hold_the_true_rate(n: int) -> None:
    assert coverage(sparse(), [n] * 40, stratified_mean) >= LEAST


def test_an_interval_for_every_stratum_misses_where_ours_holds() -> None:
    assert coverage(sparse(), [5] * 40, interval_per_stratum) < 0.9


@pytest.mark.parametrize("n", [30, 300])
def test_paired_differences_hold_the_true_difference(n: int) -> None:
    before = [rare_disasters(), skewed(500, 0.05, 60, seed=5)]
    after = [np.where(values == 1, 0.0, 1.05 * values) for values in before]
    changes = [a - b for a, b in zip(after, before, strict=True)]
    assert coverage(changes, [n, n], mean_difference) >= LEAST


def test_spread_that_was_seen_makes_the_interval_narrower_than_wilson() -> None:
    values = 0.3 + 0.1 * np.random.default_rng(6).random(400)
    ours = mean_share(values)
    binary = mean_share((np.arange(400) < 140).astype(float))
    assert ours.high - ours.low < 0.3 * (binary.high - binary.low)
