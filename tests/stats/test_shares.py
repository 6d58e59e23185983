"""Do the intervals of a share equal those of scipy?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from radhard.errors import InputError
from radhard.stats import clopper_pearson, rule_of_three, wilson

counts = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(counts, levels)
def test_intervals_equal_those_of_scipy(count: tuple[int, int], confidence: float) -> None:
    k, n = count
    test = binomtest(k, n)
    score = test.proportion_ci(confidence, method="wilson")
    assert wilson(k / n, n, confidence) == pytest.approx((score.low, score.high), abs=1e-9)
    exact = test.proportion_ci(confidence, method="exact")
    assert clopper_pearson(k, n, confidence) == pytest.approx((exact.low, exact.high), abs=1e-9)


@given(st.integers(1, 100_000), levels)
def test_at_the_rule_of_three_no_event_is_as_likely_as_allowed(n: int, confidence: float) -> None:
    rate = rule_of_three(n, confidence)
    assert binom.pmf(0, n, rate) == pytest.approx(1 - confidence, rel=1e-6)


def test_rule_of_three_is_three_over_n() -> None:
    assert rule_of_three(10**6) * 10**6 == pytest.approx(-math.log(0.05), rel=1e-5)


def test_endless_trials_leave_the_point() -> None:
    assert wilson(0.3, math.inf) == (0.3, 0.3)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: wilson(1.1, 10),
        lambda: wilson(0.5, 0),
        lambda: wilson(0.5, 10, 1.0),
        lambda: clopper_pearson(11, 10),
        lambda: clopper_pearson(0, 0),
        lambda: rule_of_three(0),
        lambda: rule_of_three(10, 0.0),
    ],
)
def test_impossible_counts_are_refused(refused) -> None:
    with pytest.raises(InputError):
        refused()
