"""Do known shares of all pairs make the estimate better, and are its limits limits?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.analyses.deepvigor.plus.sampled import mean_of
from radhard.analyses.deepvigor.plus.sampling import one_an_image
from radhard.analyses.deepvigor.plus.strata import DEAD, REPEATED, Strata, strata_of

IMAGES, WEIGHTS = 40, 60


class Table:
    """Factors of all pairs of a channel whose large positive weights lead to answer 0."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.weights = rng.normal(0, 0.1, WEIGHTS)
        self.answers = rng.integers(0, 4, IMAGES)
        self.live = rng.random((IMAGES, WEIGHTS)) > 0.3
        harm = (self.weights > 0) & (self.answers != 0)[:, None] & self.live
        self.factors = harm / 32 + self.live * rng.integers(0, 2, (IMAGES, WEIGHTS)) / 32
        dead = np.count_nonzero(~self.live)
        rising = np.count_nonzero(self.live & (self.weights > 0))
        self.sizes = np.array([[dead, IMAGES * WEIGHTS - dead - rising, rising]])

    def strata(self, drawn: np.ndarray) -> tuple[Strata, np.ndarray]:
        rows = np.arange(len(drawn)) % IMAGES
        live, rising = self.live[rows, drawn], self.weights[drawn] > 0
        of = strata_of(drawn * IMAGES + rows, live, rising)
        return Strata(of[None], self.sizes, np.zeros(1)), self.factors[rows, drawn]


def limits(strata: Strata, factors: np.ndarray) -> tuple[float, float, float]:
    found = mean_of([strata.sample(0, factors, factors, factors)])
    return found.value, found.low, found.high


def test_the_estimate_is_right_on_average_and_nearer_than_the_mean_of_the_rows() -> None:
    table = Table(0)
    truth, ours, plain, inside = table.factors.mean(), [], [], 0
    for seed in range(150):
        drawn = one_an_image(table.weights, table.answers, np.random.default_rng(seed))
        strata, factors = table.strata(drawn)
        value, low, high = limits(strata, factors)
        ours.append(value - truth)
        plain.append(factors.mean() - truth)
        inside += low <= truth <= high
    assert abs(np.mean(ours)) < 3 * np.std(ours) / np.sqrt(150)
    assert np.std(ours) < 0.85 * np.std(plain)
    assert inside >= 0.95 * 150


def test_the_mean_of_all_pairs_is_exact_however_often_some_are_repeated() -> None:
    table = Table(1)
    drawn = np.repeat(np.arange(WEIGHTS), IMAGES)
    strata, factors = table.strata(np.concatenate([drawn, drawn[: 7 * IMAGES]]))
    assert np.count_nonzero(strata.of == REPEATED) == 7 * IMAGES
    assert limits(strata, factors) == pytest.approx((table.factors.mean(),) * 3)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0, 1)), min_size=1, max_size=8),
    st.tuples(*[st.integers(8, 30)] * 3),
    st.floats(0, 1),
)
def test_whatever_was_drawn_there_is_an_estimate_between_its_limits(
    rows: list[tuple[int, float]], sizes: tuple[int, int, int], certain: float
) -> None:
    of, factors = np.array([[kind for kind, _ in rows]]), np.array([value for _, value in rows])
    factors = np.where(of[0] == DEAD, certain, factors)
    value, low, high = limits(Strata(of, np.array([sizes]), np.array([certain])), factors)
    assert -1e-9 <= low <= value + 1e-9
    assert value - 1e-9 <= high <= 1 + 1e-9
    if {1, 2} <= set(of[0].tolist()):
        # By hand: each stratum by its size, the dead one as it is known.
        parts = [certain, factors[of[0] == 1].mean(), factors[of[0] == 2].mean()]
        assert value == pytest.approx(np.dot(parts, sizes) / sum(sizes), abs=1e-9)


def test_a_channel_that_is_given_only_zeros_is_known() -> None:
    strata = Strata(np.zeros((1, 5), dtype=np.int64), np.array([[90, 0, 0]]), np.array([0.125]))
    assert limits(strata, np.full(5, 0.125)) == (0.125, 0.125, 0.125)
