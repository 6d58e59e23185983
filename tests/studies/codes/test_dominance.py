"""Is a code dominated exactly where another one is at least as good in everything?"""

from hypothesis import given
from hypothesis import strategies as st

from radhard.stats import Estimate
from radhard.studies.codes.dominance import dominance

SMALL = st.integers(0, 4).map(float)


def figure(value, around=0.0):
    return Estimate(value, value - around, value + around, 0.95, 10, "ns")


def judged(codes, ratio=lambda *_: None):
    """Codes as (bits, time, tolerable rate)."""
    costs = {name: (figure(bits), figure(time)) for name, (bits, time, _) in codes.items()}
    return dominance(costs, {name: rate for name, (_, _, rate) in codes.items()}, ratio)


@given(st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=1, max_size=7))
def test_front_is_that_of_a_brute_force_search(points):
    codes = {str(n): point for n, point in enumerate(points)}
    found = judged(codes)
    for name, (bits, time, rate) in codes.items():
        worse = [p for p in points if p[0] <= bits and p[1] <= time and p[2] >= rate]
        assert found[name].is_dominated == any(p != (bits, time, rate) for p in worse)
        if by := found[name].by:
            assert codes[by] in worse
    assert not all(each.is_dominated for each in found.values())


def test_time_within_the_interval_of_the_other_is_no_slower():
    costs = {"a": (figure(8.0), figure(10.0, 2.0)), "b": (figure(8.0), figure(11.0, 2.0))}
    same = dominance(costs, {"a": 1e-5, "b": 1e-5}, lambda *_: None)
    assert [each.is_dominated for each in same.values()] == [False, False]
    higher = dominance(costs, {"a": 1e-6, "b": 1e-5}, lambda *_: None)
    assert (higher["a"].by, higher["b"].by) == ("b", "")
    slow = {**costs, "b": (figure(8.0), figure(13.0, 2.0))}
    assert not dominance(slow, {"a": 1e-6, "b": 1e-5}, lambda *_: None)["a"].is_dominated


def test_interval_of_the_ratio_tells_whether_a_code_is_surely_dominated():
    codes = {"best": (8, 1, 3e-5), "good": (8, 1, 2e-5), "poor": (9, 2, 1e-5)}
    lows = {("best", "poor"): 0.5, ("good", "poor"): 1.2, ("best", "good"): 0.9}

    def ratio(name, than):
        low = lows[name, than]
        return Estimate(2.0, low, 9.0, 0.95, 10, "times")

    found = judged(codes, ratio)
    assert str(found["best"]) == "no"
    assert str(found["good"]) == "perhaps by best"
    assert str(found["poor"]) == "by good"
    assert str(judged(codes)["poor"]) == "perhaps by best"
