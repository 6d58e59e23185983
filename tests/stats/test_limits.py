"""Does no number open a gate with which every comparison is false?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.stats import Estimate, check_number, is_within


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 1.1, 10**400, "0.5", True])
def test_what_is_no_number_of_the_range_is_refused(value):
    with pytest.raises(InputError, match="limit"):
        check_number("limit", value, 0, 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_without_bounds_a_number_is_finite_all_the_same(value):
    with pytest.raises(InputError, match="finite"):
        check_number("limit", value)


@given(st.floats(0, 1))
def test_a_number_of_the_range_comes_back(value):
    assert check_number("limit", value, 0, 1) == value


@given(st.floats(allow_nan=True), st.floats(0, 1))
def test_an_estimate_is_within_a_limit_only_where_that_is_true(limit, high):
    estimate = Estimate(high / 2, 0.0, high, confidence=0.95, trials=100)
    assert is_within(estimate, limit) is (high <= limit)
