"""Do numbers read as what they are?"""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.stats import Estimate, estimate_column, percent
from radhard.stats.estimate import NOISE

shares = st.floats(0, 1)


@given(shares)
def test_only_zero_and_what_rounding_leaves_of_it_read_as_zero(share: float) -> None:
    number = float(percent(share).removesuffix(" %"))
    assert (number == 0) == (100 * share < NOISE)
    assert (number == 100) == (share > 1 - 1e-15) or share > 1 - 1e-14
    assert number == pytest.approx(100 * share, rel=5.1e-3, abs=NOISE)


@given(st.lists(shares, min_size=3, max_size=3), st.integers(1, 10**9))
def test_no_limit_reads_as_zero_unless_it_is(limits: list[float], trials: int) -> None:
    low, value, high = sorted(limits)
    text = str(Estimate(value, low, high, 0.95, trials))
    numbers = [float(n) for n in re.findall(r"([-\d.e+]+) %", text.replace(",", ""))]
    assert f"{trials:,} tri" in text  # trials, or all of them tried
    for number, share in zip(numbers, (value, low, high), strict=False):
        assert (number == 0) == (100 * share < NOISE)


def test_what_rounding_leaves_of_a_difference_reads_as_zero() -> None:
    left = -1.49e-20
    difference = Estimate(left, -0.001, 0.001, 0.95, 100)
    assert str(difference) == str(Estimate(0.0, -0.001, 0.001, 0.95, 100))
    assert percent(left) == "0 %"
    (column,) = estimate_column([difference])
    assert column.value == "0.00 %"


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0, 0, 0.0015, 0.95, 2000), "0 % [0 %, 0.15 %] (95 %, none in 2,000 trials)"),
        (Estimate(0, 0, 0, 0.95, 64), "0 % (exact: all 64 tried)"),
        (Estimate(0.5, 0.123, 0.987, 0.9, 5), "50 % [12 %, 99 %] (90 %, 5 trials)"),
        (Estimate(0.4, 0.398, 0.402, 0.95, 9), "40.00 % [39.80 %, 40.20 %] (95 %, 9 trials)"),
        (Estimate(0, -0.1, 0.1, 0.95, 30), "0 % [-10 %, 10 %] (95 %, 30 trials)"),
        (Estimate(5, 2, math.inf, 0.95, 30, "hours"), "5.00 [2.00, inf] hours (95 %, 30 trials)"),
        (
            Estimate(2e-10, 1e-10, 5e-10, 0.95, 3, "cm^2"),
            "2e-10 [1e-10, 5e-10] cm^2 (95 %, 3 trials)",
        ),
        (
            Estimate(123456.7, 12e4, 13e4, 0.95, 1, "h"),
            "123,457 [120,000, 130,000] h (95 %, 1 trial)",
        ),
    ],
)
def test_estimates_read_for_people(estimate: Estimate, text: str) -> None:
    assert str(estimate) == text


def test_falling_function_swaps_the_limits() -> None:
    hours = Estimate(0.5, 0.25, 1.0, 0.95, 10).map(lambda x: 1 / x, "hours")
    assert (hours.value, hours.low, hours.high, hours.unit) == (2.0, 1.0, 4.0, "hours")


@pytest.mark.parametrize("limits", [(0.5, 0.6, 0.7), (0.5, 0.1, 0.4), (math.nan, 0, 1)])
def test_value_outside_its_interval_is_refused(limits: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="interval"):
        Estimate(*limits, 0.95, 10)
