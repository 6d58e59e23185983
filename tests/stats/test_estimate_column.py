"""Are the numbers of a column rounded alike, aligned, and never rounded to a wrong 0 or whole?"""

from hypothesis import given
from hypothesis import strategies as st

from radhard.stats import Estimate, common_decimals, estimate_column

SHARES = st.just(0.0) | st.floats(1e-13, 1)
"""Smaller ones are what rounding left of 0, and printed as 0."""


@st.composite
def estimates(draw):
    low, value, high = sorted(draw(st.tuples(SHARES, SHARES, SHARES)))
    return Estimate(value, low, high, confidence=0.95, trials=400)


def number(text):
    return float(text.strip().removesuffix(" %").strip("<>"))


@given(st.lists(estimates(), min_size=1, max_size=6))
def test_texts_of_a_column_have_one_length_and_one_number_of_decimals(column):
    texts = estimate_column(column)
    assert len({len(text.value) for text in texts}) == 1
    assert len({len(text.interval) for text in texts if text.interval != "exact"}) <= 1
    decimals = {len(text.value.strip(" <>%").partition(".")[2]) for text in texts}
    assert len(decimals) == 1


@given(st.lists(estimates(), min_size=1, max_size=6))
def test_a_printed_value_is_the_value_to_half_a_step_or_says_on_which_side_it_is(column):
    for estimate, text in zip(column, estimate_column(column), strict=True):
        step = 10.0 ** -len(text.value.strip(" <>%").partition(".")[2])
        shown, value = number(text.value), 100 * estimate.value
        if "<" in text.value:
            assert 0 < value < shown
        elif ">" in text.value:
            assert shown < value < 100
        else:
            assert abs(shown - value) <= step * 0.500001
            assert (shown == 0) == (value == 0)
            assert (shown == 100) == (value == 100)


def test_an_estimate_without_an_interval_is_exact_and_other_units_are_kept():
    whole = Estimate(0.97, 0.97, 0.97, confidence=0.95, trials=100)
    fit = Estimate(3.17, 2.94, 3.61, confidence=0.95, trials=500, unit="FIT")
    assert estimate_column([whole])[0].interval == "exact"
    assert str(estimate_column([fit])[0]) == "3.17 FIT [2.94 FIT, 3.61 FIT]"


def test_a_drop_may_be_below_zero():
    drop = Estimate(-0.000008, -0.004, 0.064, confidence=0.95, trials=200)
    (text,) = estimate_column([drop])
    assert text.value == "-0.0 %"


@given(st.lists(estimates(), min_size=2, max_size=6))
def test_no_value_of_a_column_is_printed_below_one_that_it_is_above(column):
    decimals = common_decimals(column)
    printed = [float(e.printed(decimals).split(" %")[0]) for e in column]
    order = sorted(range(len(column)), key=lambda at: column[at].value)
    assert [printed[at] for at in order] == sorted(printed)


@given(st.lists(estimates(), min_size=1, max_size=6))
def test_usual_intervals_of_a_column_do_not_shrink_to_a_point(column):
    decimals = common_decimals(column)
    for estimate in column:
        high = estimate.printed(decimals).split(" (")[0].partition(" [")[2]
        width = 100 * (estimate.high - estimate.low)
        if high and width >= 10.0**-decimals:
            ends = [float(x.strip(" []%")) for x in high.split(",")]
            assert ends[0] < ends[1]
