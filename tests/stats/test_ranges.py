"""How far do intervals rest on what was seen of each bit, and of each word?"""

import numpy as np
import pytest
from numpy.typing import NDArray

from radhard.stats import Cell, crowding, mean_difference, mean_share, stratified_mean

Words = NDArray[np.float64]


def words_by_bits(words: int, seed: int) -> Words:
    """Harm of 32 faults of each word: one bit harms nearly always, four sometimes, most never."""
    rng = np.random.default_rng(seed)
    harm = np.zeros((words, 32))
    harm[:, 30] = rng.beta(2, 3, words) * (rng.random(words) < 0.9)
    harm[:, 26:30] = rng.beta(1, 6, (words, 4)) * (rng.random((words, 1)) < 0.4)
    return np.round(harm * 50) / 50


def coverage_and_width(harm: Words, n: int, draws: int = 120) -> tuple[float, float, float]:
    """Share of campaigns of ``n`` words that hold the truth, mean width, and that of the ideal."""
    found = []
    for seed in range(draws):
        drawn = np.random.default_rng(seed).choice(len(harm), n, replace=False)
        found.append(stratified_mean([Cell(harm[drawn], len(harm))]))
    held = np.mean([e.low - 1e-9 <= harm.mean() <= e.high + 1e-9 for e in found])
    width = float(np.mean([e.high - e.low for e in found]))
    return float(held), width, 3.92 * float(np.std([e.value for e in found], ddof=1))


@pytest.mark.parametrize(("n", "times"), [(24, 2.0), (100, 1.5)])
def test_words_hold_the_truth_and_are_no_wider_than_faults_drawn_one_by_one(
    n: int, times: float
) -> None:
    harm = words_by_bits(2000, seed=1)
    # What no word has shown is allowed for like 1 / n, chance falls like 1 / sqrt(n).
    held, width, ideal = coverage_and_width(harm, n)
    assert held >= 0.93
    assert width <= times * ideal
    faults = np.random.default_rng(0).choice(harm.reshape(-1), 32 * n, replace=False)
    blind = mean_share(faults, population=harm.size)
    assert width <= blind.high - blind.low


def test_verdicts_on_words_hold_the_truth() -> None:
    held, width, ideal = coverage_and_width((words_by_bits(2000, seed=2) > 0.3).astype(float), 60)
    assert held >= 0.93
    assert width <= 1.5 * ideal


def test_harm_crowded_in_few_words_at_bits_that_showed_none_is_what_is_assumed_away() -> None:
    harm = words_by_bits(2000, seed=1)
    harm[:40] = 1.0  # two words in a hundred are fatal at each of their bits
    held, _, _ = coverage_and_width(harm, 24)
    assert held < 0.93


def test_words_that_show_nothing_count_each_of_their_faults() -> None:
    words = stratified_mean([Cell(np.zeros((40, 32)), 5000)])
    faults = mean_share(np.zeros(40 * 32), population=5000 * 32)
    assert (words.low, words.high) == pytest.approx((0, faults.high), rel=1e-3)


def test_words_whose_faults_are_all_alike_rest_on_the_number_of_words() -> None:
    worst = np.random.default_rng(0).beta(0.5, 0.5, 50).round(2)
    worst[:2] = 0, 1
    words = stratified_mean([Cell(np.repeat(worst[:, None], 32, axis=1), None)])
    alone = mean_share(worst)
    assert (words.low, words.high) == pytest.approx((alone.low, alone.high), rel=1e-3)


def test_faults_that_harm_together_count_as_fewer_trials_of_what_was_not_seen() -> None:
    harm = np.zeros((40, 32))
    one, all_ = (stratified_mean([Cell(harm, 5000, crowding=c)]) for c in (1, 32))
    assert one.high == pytest.approx(mean_share(np.zeros(1280), population=160_000).high, rel=1e-3)
    assert all_.high == pytest.approx(mean_share(np.zeros(40), population=5000).high, rel=1e-2)
    chance = np.random.default_rng(0).random((400, 8)) < 0.2
    assert crowding(chance) == pytest.approx(1, abs=0.2)
    assert crowding(np.repeat(chance[:, :1], 8, axis=1)) == pytest.approx(8)


def test_what_no_word_has_shown_may_lie_at_the_most_harmless_bit() -> None:
    found = stratified_mean([Cell([[0.0, 1.0]] * 40, None)])
    unseen = mean_share(np.zeros(80)).high
    assert (found.low, found.high) == pytest.approx((0.5 - unseen, 0.5 + unseen), abs=1e-6)


def test_all_words_tried_are_exact_and_differences_mirror() -> None:
    harm = words_by_bits(30, seed=3)
    whole = stratified_mean([Cell(harm, 30)])
    assert whole.low == whole.high == pytest.approx(harm.mean())
    there, back = (mean_difference([Cell(sign * harm, 900)]) for sign in (1, -1))
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert there.low < harm.mean() < there.high


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_limits_scale_with_the_range_in_which_values_lie(scale: float) -> None:
    values = np.random.default_rng(4).beta(0.3, 2, 60).round(2)
    cells = [Cell(values[:20], 500), Cell(values[20:], 900)]
    small = [Cell(scale * np.asarray(c.values), c.population, (0, scale)) for c in cells]
    whole, part = stratified_mean(cells), stratified_mean(small)
    assert part.high == pytest.approx(scale * whole.high, rel=1e-4)
    assert part.low == pytest.approx(scale * whole.low, rel=1e-4)
    assert part.high < stratified_mean([Cell(c.values, c.population) for c in small]).high


def test_strata_without_harm_count_all_their_trials_however_few_each_has() -> None:
    strata = [Cell(np.zeros(4), 10_000) for _ in range(30)] + [Cell([0.0, 0.5, 0.6, 0.7], 10_000)]
    even = [Cell(np.zeros(124), 310_000)]
    assert stratified_mean(strata[:30]).high == pytest.approx(
        mean_share(np.zeros(120)).high, rel=1e-2
    )
    assert stratified_mean(strata).high < 0.45 / 31 + stratified_mean(even).high + 0.012
