"""Do limits by betting hold the mean at all moments, whatever the distribution?"""

import numpy as np
import pytest

from radhard.stats import Bets, betting_limits


def parts(values, *, variance, size=50, planned=1000.0):
    ones = np.ones(size)
    return [
        Bets(values[at : at + size], 0 * ones, ones, variance, planned)
        for at in range(0, len(values), size)
    ]


@pytest.mark.parametrize("rate", [0.002, 0.05, 0.5])
@pytest.mark.parametrize("variance", [1e-6, 0.05])
def test_limits_hold_the_mean_at_every_look(rate, variance):
    """The limits of the first looks are those of later ones, so that the last one is enough."""
    rng, missed = np.random.default_rng(1), 0
    for _ in range(100):
        values = (rng.random(600) < rate).astype(float)
        low, high = betting_limits(parts(values, variance=variance), 0.9, 1.0)
        missed += not low <= rate <= high
    # 10 % at the most; three standard errors are 9 points.
    assert missed <= 19


def test_looking_again_never_widens():
    values = np.random.default_rng(2).random(1000) ** 4
    found = [betting_limits(parts(values[:n], variance=0.05), 0.95, 1.0) for n in (100, 500, 1000)]
    lows, highs = zip(*found, strict=True)
    assert list(lows) == sorted(lows)
    assert list(highs) == sorted(highs, reverse=True)


def test_limits_are_those_of_the_capital_computed_by_hand():
    values = np.array([0.0, 0.0, 1.0, 0.0] * 20)
    part = Bets(values, np.zeros(80), np.ones(80), 0.2, 80.0)
    low, high = betting_limits([part], 0.95, 1.0)
    stake = min(np.sqrt(2 * np.log(40) / 16), 0.9)
    means = np.linspace(0, 1, 20001)
    capital = np.prod(1 + stake * (means[:, None] - values), axis=1)
    assert high == pytest.approx(means[capital >= 40].min(), abs=1e-4)
    capital = np.prod(1 + stake * (values - means[:, None]), axis=1)
    assert low == pytest.approx(means[capital >= 40].max(), abs=1e-4)


def test_no_trials_say_nothing_and_higher_confidence_says_less():
    assert betting_limits([], 0.95, 0.7) == (0.0, 0.7)
    values = np.random.default_rng(3).random(400)
    widths = [
        np.ptp(betting_limits(parts(values, variance=0.08), confidence, 1.0))
        for confidence in (0.8, 0.95, 0.999)
    ]
    assert widths == sorted(widths)
