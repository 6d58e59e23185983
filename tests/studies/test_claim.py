"""Does a verdict say no more than the interval does?"""

from hypothesis import given
from hypothesis import strategies as st

from radhard.stats import Estimate
from radhard.studies import Claim
from radhard.studies.claim import exactly, verdicts

numbers = st.floats(-100, 100, allow_nan=False)


def claim(low, high, sense, limit):
    figure = Estimate((low + high) / 2, low, high, 0.95, 200, "points")
    return Claim("a claim", figure, sense, limit)


@given(st.tuples(numbers, numbers).map(sorted), numbers)
def test_at_least_and_at_most_mirror_each_other(interval, limit):
    low, high = interval
    least = claim(low, high, "at least", limit).verdict
    assert least == claim(-high, -low, "at most", -limit).verdict
    truths = {value >= limit for value in (low, high)}
    assert (
        least
        == {
            (True,): "holds",
            (False,): "does not hold",
            (False, True): "cannot be told",
        }[tuple(sorted(truths))]
    )


@given(st.tuples(numbers, numbers).map(sorted), st.floats(0, 10), numbers)
def test_wider_interval_never_turns_a_verdict_into_its_opposite(interval, more, limit):
    low, high = interval
    before = claim(low, high, "at most", limit).verdict
    after = claim(low - more, high + more, "at most", limit).verdict
    assert after in (before, "cannot be told")


def test_a_figure_that_cannot_decide_leaves_the_claim_open_and_is_shown():
    figure = Estimate(0.4, 0.3, 0.5, 0.95, 40)
    closed, open_ = (Claim("low", figure, "at most", 0.15, "", yes) for yes in (True, False))
    assert (closed.verdict, open_.verdict) == ("does not hold", "cannot be told")
    assert open_.to_dict()["figure"]["value"] == 0.4
    assert str(figure) in "\n".join(verdicts([open_]))


def test_limits_of_shares_are_printed_in_percent_and_others_as_they_are():
    share, counted = Estimate(0.4, 0.3, 0.5, 0.95, 40), exactly(0.25, "share", 40)
    lines = list(verdicts([Claim("a", each, "at most", 0.15) for each in (share, counted)]))
    assert [line.split(" | ")[3] for line in lines[-3:-1]] == ["at most 15 %"] * 2
    assert "25 %" in lines[-2]
    points = Claim("a", exactly(0.25, "points", 40), "at least", 0.15)
    assert "at least 0.15 |" in "\n".join(verdicts([points]))


def test_without_a_figure_nothing_can_be_told():
    assert Claim("a claim", None, "at most", 1.0, "nothing tried").verdict == "cannot be told"
