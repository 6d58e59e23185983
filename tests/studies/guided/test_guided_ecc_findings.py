"""Are differences of shares and their intervals those of the literature?"""

import pytest

from radhard.stats import Estimate
from radhard.stats.shares import wilson
from radhard.studies.guided import counted, difference


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # Table II of Newcombe, Statistics in Medicine 17 (1998), method 10.
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_interval_of_a_difference_is_that_of_newcombe(one, other, low, high):
    shares = []
    for events, n in (one, other):
        below, above = wilson(events / n, n)
        shares.append(Estimate(events / n, below, above, 0.95, n))
    found = difference(*shares)
    assert found.value == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_share_that_was_counted_has_the_exact_interval():
    found = counted(3, 30)
    # scipy.stats.binomtest(3, 30).proportion_ci(): 0.02112, 0.26529
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.02112, 0.26529), abs=1e-5)
