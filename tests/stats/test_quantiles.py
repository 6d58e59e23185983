"""Do the limits of a quantile hold it, whatever the distribution?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from radhard.errors import InputError
from radhard.stats import quantile_interval


@given(
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=200),
    st.floats(0.01, 0.99),
)
def test_quantile_is_one_of_the_values_inside_its_limits(values: list[float], q: float) -> None:
    found = quantile_interval(values, q)
    assert found.value in values
    assert found.low <= found.value <= found.high
    assert np.mean(np.array(values) <= found.value) >= q - 1e-9


@pytest.mark.parametrize("q", [0.5, 0.9])
def test_limits_hold_the_quantile_as_often_as_promised(q: float) -> None:
    truth = math.exp(float(np.quantile(np.random.default_rng(0).normal(size=10**6), q)) * 3)
    held = 0
    for seed in range(400):
        values = np.exp(3 * np.random.default_rng(seed + 1).normal(size=60))
        found = quantile_interval(values, q)
        held += found.low <= truth <= found.high
    assert held / 400 >= 0.93


@pytest.mark.parametrize("q", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 60, 90, 300])
def test_limits_are_order_statistics_whose_errors_are_within_the_tails(n: int, q: float) -> None:
    ranks = np.arange(1, n + 1)
    # Too high if fewer than its rank, too low if at least as many, are at most the quantile.
    high_enough = ranks[binom.sf(ranks - 1, n, q) <= 0.025]
    low_enough = ranks[binom.cdf(ranks - 1, n, q) < 0.025]
    found = quantile_interval(np.random.default_rng(n).permutation(ranks), q, bounds=(1, n))
    assert found.low == (low_enough[-1] if len(low_enough) else 1)
    assert found.high == (high_enough[0] if len(high_enough) else n)
    assert found.value == math.ceil(round(q * n, 9))
    unbounded = quantile_interval(ranks, q)
    assert (unbounded.low == -math.inf) == (not len(low_enough))
    assert (unbounded.high == math.inf) == (not len(high_enough))


def test_infinite_distances_keep_their_order() -> None:
    found = quantile_interval([1.0] * 50 + [math.inf] * 50, 0.5, bounds=(0, math.inf))
    assert (found.low, found.value, found.high) == (1.0, 1.0, math.inf)


def test_too_few_values_leave_the_bounds() -> None:
    found = quantile_interval([1.0, 2.0, 3.0], 0.5, bounds=(0, 10))
    assert (found.low, found.value, found.high) == (0, 2.0, 10)


@pytest.mark.parametrize(
    ("values", "q"), [([], 0.5), ([1.0, math.nan], 0.5), ([1.0], 0.0), ([1.0], 1.0), ([-1.0], 0.5)]
)
def test_unusable_input_is_refused(values: list[float], q: float) -> None:
    with pytest.raises(InputError):
        quantile_interval(values, q, bounds=(0, math.inf))
