"""Do the means and their limits have the properties that they are documented with?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from radhard.errors import InputError
from radhard.stats import (
    Cell,
    Estimate,
    clopper_pearson,
    effective_size,
    mean_difference,
    mean_share,
    stratified_mean,
    wilson,
)

fractions = st.lists(st.integers(0, 20).map(lambda k: k / 20), min_size=2, max_size=60)


def limits(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.low, estimate.value, estimate.high


@settings(deadline=None)
@given(st.integers(1, 3000), st.sampled_from([0.8, 0.95, 0.99]))
def test_no_event_gives_the_upper_limit_of_wilson_or_the_exact_one(
    n: int, confidence: float
) -> None:
    estimate = mean_share(np.zeros(n), confidence=confidence)
    high = max(wilson(0, n, confidence)[1], clopper_pearson(0, n, confidence)[1])
    assert limits(estimate) == pytest.approx((0, 0, high), abs=1e-7)


def exact(k: int, n: int, population: int, confidence: float) -> tuple[float, float]:
    """The least and the greatest share that leave either side more than half of the rest."""
    harmful = np.arange(k, population - n + k + 1)
    tail = (1 - confidence) / 2
    as_many = hypergeom.sf(k - 1, population, harmful, n) > tail * (1 - 1e-9)
    as_few = hypergeom.cdf(k, population, harmful, n) > tail * (1 - 1e-9)
    return harmful[as_many].min() / population, harmful[as_few].max() / population


@settings(deadline=None)
@given(st.integers(2, 60), st.sampled_from([0.8, 0.9, 0.95, 0.99, 0.999]), st.data())
def test_verdicts_of_0_and_1_give_the_wider_of_wilson_and_exact_limits(
    n: int, confidence: float, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, n))
    population = data.draw(st.integers(n + 1, 40 * n))
    share, size = k / n, effective_size(n, population)
    (low, high), (low_, high_) = (
        wilson(share, size, confidence),
        exact(k, n, population, confidence),
    )
    # Neither limit may deny what was seen.
    seen, room = k / population, 1 - n / population
    expected = (max(min(low, low_), seen), share, min(max(high, high_), seen + room))
    values = np.repeat([0.0, 1.0], [n - k, k])
    found = mean_share(values, population=population, confidence=confidence)
    assert limits(found) == pytest.approx(expected, abs=1e-6)


@settings(deadline=None)
@given(st.integers(1, 400), st.sampled_from([0.8, 0.95, 0.99, 0.999]), st.data())
def test_small_parts_of_a_population_count_as_draws_from_an_endless_one(
    n: int, confidence: float, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, n))
    low, high = clopper_pearson(k, n, confidence)
    found = mean_share(np.repeat([0.0, 1.0], [n - k, k]), population=100 * n, confidence=confidence)
    assert found.low <= max(low, k / (100 * n)) + 1e-6
    assert found.high >= min(high, 1 - (n - k) / (100 * n)) - 1e-6


@settings(deadline=None)
@given(fractions)
def test_limits_enclose_the_mean_and_mirror_with_the_values(values: list[float]) -> None:
    estimate = mean_share(values)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.value == pytest.approx(np.mean(values))
    mirrored = mean_share(1 - np.array(values))
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx(
        (estimate.low, estimate.high), abs=1e-7
    )


@settings(deadline=None)
@given(fractions)
def test_limits_are_never_wider_than_those_of_wilson_by_more_than_a_trial(
    values: list[float],
) -> None:
    # A sum of fractions moves by less than as many verdicts, of which a trial at most counts away.
    estimate, (low, high) = mean_share(values), wilson(float(np.mean(values)), len(values))
    assert estimate.low >= low - 1 / len(values) - 1e-9
    assert estimate.high <= high + 1 / len(values) + 1e-9


@st.composite
def any_cell(draw: st.DrawFn) -> Cell:
    """Also strata that are empty, hardly touched, all but tried, or tried entirely."""
    values = draw(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 1.0]), max_size=12))
    beyond = draw(st.sampled_from([0, 1, 2, 100, 10**11]))
    return Cell(values, max(1, len(values) + beyond))


@settings(deadline=None)
@given(st.lists(any_cell(), min_size=1, max_size=8), st.sampled_from([0.5, 0.95, 0.9999]))
def test_limits_are_in_order_for_any_strata(cells: list[Cell], confidence: float) -> None:
    if not any(len(cell.values) for cell in cells):
        return
    share, wider = stratified_mean(cells, confidence), stratified_mean(cells, 0.99999)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert wider.low <= share.low + 1e-6
    assert wider.high >= share.high - 1e-6
    difference = mean_difference(cells, confidence)
    assert -1 <= difference.low <= difference.value <= difference.high <= 1


def test_one_stratum_is_the_simple_mean() -> None:
    values = np.random.default_rng(0).beta(0.3, 3, 200)
    assert stratified_mean([Cell(values, 5000)]) == mean_share(values, population=5000)


@settings(deadline=None)
@given(st.lists(fractions, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_order_of_strata_and_trials_does_not_matter(strata: list[list[float]], random) -> None:
    cells = [Cell(values, 100 + 10 * i) for i, values in enumerate(strata)]
    shuffled = [Cell(random.sample(list(c.values), len(c.values)), c.population) for c in cells]
    random.shuffle(shuffled)
    assert limits(stratified_mean(shuffled)) == pytest.approx(
        limits(stratified_mean(cells)), abs=1e-6
    )


def test_strata_weigh_by_their_populations() -> None:
    cells = [Cell([0.0, 1.0, 0.0, 0.0], 300), Cell([1.0, 1.0], 100)]
    assert stratified_mean(cells).value == pytest.approx(0.75 * 0.25 + 0.25 * 1)
    assert mean_difference(cells).value == pytest.approx(0.75 * 0.25 + 0.25 * 1)


def test_everything_tried_leaves_the_point() -> None:
    cells = [Cell([0.0, 0.5], 2), Cell([1.0, 0.25, 0.25], 3)]
    assert limits(stratified_mean(cells)) == pytest.approx((0.4, 0.4, 0.4))
    assert str(stratified_mean([Cell(np.zeros(8), 8)])) == "0 % (exact: all 8 tried)"


def test_stratum_without_trials_may_be_anything() -> None:
    known = Cell([0.1, 0.2, 0.3] * 100, 900)
    alone, partial = stratified_mean([known]), stratified_mean([known, Cell([], 100)])
    assert partial.value == pytest.approx(alone.value)
    expected = (0.9 * alone.low, 0.9 * alone.high + 0.1)
    assert (partial.low, partial.high) == pytest.approx(expected, abs=1e-3)
    difference = mean_difference([Cell([0.0] * 300, 300), Cell([], 100)])
    assert limits(difference) == pytest.approx((-0.25, 0, 0.25))


def test_many_harmless_strata_bound_the_rate_like_one() -> None:
    strata = stratified_mean([Cell(np.zeros(50), 100_000) for _ in range(100)])
    assert strata.high == pytest.approx(mean_share(np.zeros(5000)).high, rel=0.05)


def test_many_small_strata_have_the_limits_of_the_classical_stratified_mean() -> None:
    """Cochran's: of each stratum the unbiased variance of its trials, over their number."""
    values = [np.array([0.0, 1.0]), np.array([0.25, 0.5, 1.0])] * 60
    weights = np.array([2.0, 1.0] * 60) / 180
    variances = [x.var(ddof=1) / len(x) for x in values]
    half = 1.959964 * np.sqrt(np.sum(weights**2 * variances))
    cells = [Cell(x, int(w * 18 * 10**8)) for x, w in zip(values, weights, strict=True)]
    found = stratified_mean(cells)
    assert found.value == pytest.approx(np.sum(weights * [x.mean() for x in values]))
    assert found.high - found.value == pytest.approx(half, rel=0.1)
    assert found.value - found.low == pytest.approx(half, rel=0.1)


def test_a_lone_trial_among_many_strata_tells_next_to_nothing() -> None:
    known = [Cell(np.repeat([0.0, 1.0], [30, 10]), 10**9) for _ in range(40)]
    one, two, none = (
        stratified_mean([*known, *(Cell(np.full(n, 0.5), 10**9) for _ in range(40))])
        for n in (1, 2, 0)
    )
    # Unseen they may be anything; two trials that are alike count as the trials that they are.
    assert none.high - one.high < 0.25 * (none.high - two.high)
    assert one.low - none.low < 0.25 * (two.low - none.low)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(2, 5))
def test_limits_of_words_mirror_with_the_values(seed: int, words: int, faults: int) -> None:
    chance = np.random.default_rng(seed)
    values = (chance.random((words, faults)) < chance.random(faults)) * chance.random()
    there, back = (
        stratified_mean([Cell(x, 1000, crowding=1.5), Cell([0.5, 0.5], 300)])
        for x in (values, 1 - values)
    )
    assert limits(back) == pytest.approx([1 - x for x in limits(there)[::-1]], abs=1e-6)


def test_limits_deny_nothing_that_was_seen() -> None:
    estimate = mean_share([1.0] * 40 + [0.0] * 59, population=100)
    assert (estimate.low, estimate.high) == pytest.approx((0.40, 0.41))


@settings(deadline=None)
@given(fractions)
def test_differences_change_sign_with_the_sides(values: list[float]) -> None:
    cells = [Cell(2 * np.array(values) - 1, 10_000)]
    swapped = [Cell(1 - 2 * np.array(values), 10_000)]
    there, back = mean_difference(cells), mean_difference(swapped)
    assert limits(there) == pytest.approx((-back.high, -back.value, -back.low), abs=1e-7)
    share = mean_share(values, population=10_000)
    assert limits(there) == pytest.approx([2 * x - 1 for x in limits(share)], abs=1e-6)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([], "no trials"),
        ([Cell([], 10)], "no trials"),
        ([Cell([0.5, 1.2], 10)], r"not in \[0, 1\]"),
        ([Cell([0.5, np.nan], 10)], r"not in \[0, 1\]"),
        ([Cell([0.5, 0.5], 1)], "population"),
        ([Cell([0.5], None), Cell([0.5], 10)], "weights"),
    ],
)
def test_what_has_no_mean_is_refused(cells: list[Cell], words: str) -> None:
    with pytest.raises(InputError, match=words):
        stratified_mean(cells)


def test_a_stratum_without_words_has_the_weight_of_its_faults() -> None:
    words = Cell(np.zeros((10, 4)), 100)
    alone = stratified_mean([words]).high
    # Half of the faults are in each stratum, and of the second nothing is known.
    both = stratified_mean([words, Cell([], 400)])
    assert both.high == pytest.approx(0.5 * alone + 0.5, abs=1e-9)
