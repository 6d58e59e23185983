"""Is the spread of error rates that of their logarithms, and a limit where they are bounds?"""

import math
from statistics import stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.comparison import Tolerable, spread
from radhard.errors import InputError

RATES = st.lists(st.floats(1e-9, 1e-3), min_size=2, max_size=8)


def found(value, *, least=1e-7, most=1e-4):
    return Tolerable(value, value, value, 0.95, least, most, 0.1)


@given(RATES)
def test_deviation_is_that_of_exact_arithmetic(values):
    result, exact = spread(values), math.exp(stdev(map(math.log, values)))
    assert result.deviation.value == pytest.approx(exact, rel=1e-9)
    assert result.ratio == pytest.approx(max(values) / min(values))
    assert result.bounds == 0


@given(RATES, st.floats(1e-3, 1e3))
def test_factor_common_to_all_rates_changes_nothing(values, factor):
    one, two = spread(values), spread([factor * value for value in values])
    assert one.ratio == pytest.approx(two.ratio)
    assert one.deviation.value == pytest.approx(two.deviation.value, rel=1e-6)


@given(RATES)
def test_bounds_make_the_figures_lower_limits(values):
    least, most = 1e-7, 1e-4
    bounded = [
        found(0.0 if value < least else math.inf if value > most else value) for value in values
    ]
    result, whole = spread(bounded), spread(values)
    assert result.bounds == sum(not least <= value <= most for value in values)
    assert result.ratio <= whole.ratio * (1 + 1e-9)
    assert result.deviation.value <= whole.deviation.value * (1 + 1e-9)
    assert math.isinf(result.deviation.high) == (result.bounds > 0)
    assert (">=" in str(result)) == (result.bounds > 0)


def test_interval_covers_the_deviation_of_the_distribution():
    chance = np.random.default_rng(0)
    samples = np.exp(chance.normal(-14, math.log(2), size=(400, 20)))
    hits = [s.low <= 2 <= s.high for s in (spread(list(row)).deviation for row in samples)]
    assert 0.92 <= np.mean(hits) <= 0.98


def test_values_that_have_no_spread_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        spread([1e-6])
    with pytest.raises(InputError, match="not an error rate"):
        spread([1e-6, 0.0])
    with pytest.raises(InputError, match="same rates"):
        spread([found(math.inf), found(1e-5, most=1e-3)])
