"""Do p-value and interval say the same?"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from radhard.stats import Cell, Estimate, mean_difference, p_value

differences = st.lists(
    st.sampled_from([-1.0, 0.0, 0.0, 1.0]) | st.integers(-20, 10).map(lambda k: k / 20),
    min_size=5,
    max_size=40,
)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(differences, min_size=1, max_size=3),
    st.sampled_from([1, 7, 10_000]),
    st.sampled_from([0.2, 0.1, 0.05, 0.01, 0.001]),
)
def test_p_value_is_below_a_level_just_where_the_interval_excludes_zero(
    strata: list[list[float]], beyond: int, level: float
) -> None:
    cells = [Cell(values, len(values) + beyond) for values in strata]
    found = p_value(lambda confidence: mean_difference(cells, confidence))
    interval = mean_difference(cells, 1 - level)
    assert (found < level) == (interval.low > 0 or interval.high < 0)


@pytest.mark.parametrize("values", [[-1.0, 0.0, 0.05], [1.0, 0.0, -1.0, 0.3]])
def test_limits_of_less_confidence_never_lie_farther_out(values: list[float]) -> None:
    found = [
        mean_difference([Cell(values, 8)], confidence)
        for confidence in (0.01, 0.05, 0.2, 0.5, 0.68, 0.9)
    ]
    assert all(a.high <= b.high + 1e-6 and a.low >= b.low - 1e-6 for a, b in pairwise(found))


def test_chance_alone_is_called_significant_no_more_often_than_promised() -> None:
    rng = np.random.default_rng(1)
    population = rng.choice([-0.5, -0.1, 0.0, 0.1, 0.5], 4000)
    population = np.concatenate([population, -population])
    drawn = [rng.choice(population, 80, replace=False) for _ in range(60)]
    found = [p_value(lambda c, x=x: mean_difference([Cell(x, 8000)], c)) for x in drawn]
    assert np.mean(np.array(found) < 0.1) <= 0.15
    assert np.mean(np.array(found) < 0.5) >= 0.25


def test_a_clear_change_is_found_and_none_is_not() -> None:
    changed = np.random.default_rng(0).normal(-0.04, 0.05, 400)
    assert p_value(lambda c: mean_difference([Cell(changed, None)], c)) < 0.001
    assert p_value(lambda c: mean_difference([Cell(np.zeros(500), 9000)], c)) == 1


@pytest.mark.parametrize(("value", "p"), [(0.0, 1.0), (-0.25, 0.0)])
def test_an_exact_difference_leaves_nothing_to_chance(value: float, p: float) -> None:
    assert p_value(lambda c: Estimate(value, value, value, c, 8)) == p


def test_a_normal_interval_gives_the_normal_p_value() -> None:
    normal = {0.9: 1.644854, 0.95: 1.959964, 0.99: 2.575829}
    for confidence, z in normal.items():
        found = p_value(
            lambda c, z=z: Estimate(z, z - ndtri((1 + c) / 2), z + ndtri((1 + c) / 2), c, 9)
        )
        assert found == pytest.approx(1 - confidence, rel=1e-3)
