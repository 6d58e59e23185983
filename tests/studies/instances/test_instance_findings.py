"""Are the spreads of instances those of the rates they were made of?"""

import math

import numpy as np
import pytest

from radhard.comparison import ErrorCurve
from radhard.studies.instances import InstanceFindings

RATES = np.geomspace(1e-6, 1e-2, 41)


def curve(knee, *, noise=0.0, free=0.1, runs=6, seed=0):
    """The error doubles a factor of 10 above ``knee``, linearly in the logarithm of the rate."""
    rng = np.random.default_rng(seed)
    means = free * (1 + np.maximum(0, np.log10(RATES / knee)))
    errors = np.repeat(means, runs) + noise * rng.normal(size=runs * len(RATES))
    weights = np.repeat(np.eye(len(RATES)), runs, axis=0) / runs
    return ErrorCurve(RATES.tolist(), errors, [runs] * len(RATES), weights, "bit", free)


def findings(first, second, **options):
    return InstanceFindings(
        "made up",
        100,
        {
            name: [curve(knee, seed=n, **options) for n, knee in enumerate(knees)]
            for name, knees in (("a", first), ("b", second))
        },
    )


def test_spread_and_gain_are_those_of_the_knees():
    knees = 1e-4 * np.array([0.5, 1, 2, 1, 4])
    found = findings(knees, 3 * knees)
    spread = found.spread("a", 0.1, own=True)
    assert spread.ratio == pytest.approx(8, rel=0.1)
    assert spread.deviation.value == pytest.approx(math.exp(np.log(knees).std(ddof=1)), rel=0.1)
    gain = found.gain("b", "a", 0.1)
    assert gain.value == pytest.approx(3, rel=0.1)
    assert gain.low <= 3 <= gain.high
    rate = found.tolerable("a", 1.0, own=True)[1]
    assert rate.value == pytest.approx(1e-3, rel=0.05)


def test_encoding_with_smaller_spread_is_told():
    wide = 1e-4 * 2.0 ** np.array([-2, -1, 0, 1, 2, -1.5, 1.5, 0.5])
    narrow = 1e-4 * (wide / 1e-4) ** 0.1
    found = findings(narrow, wide)
    less = found.relative_spread(("a", 0.5), ("b", 0.5), own=True)
    assert less.value == pytest.approx(0.1, abs=0.05)
    assert less.high < 0.5
    more = found.relative_spread(("b", 0.5), ("a", 0.5), own=True)
    assert more.low > 2
    same = found.relative_spread(("a", 0.5), ("a", 0.5), own=True)
    assert (same.low, same.value, same.high) == (1, 1, 1)


def test_rates_outside_those_tried_leave_the_side_open_to_which_they_may_move_a_figure():
    inside, beyond = [1e-4, 2e-4, 3e-4, 1e-4], [1e-4, 2e-4, 3e-4, 1e-2]
    found = findings(inside, beyond)
    assert found.relative_spread(("b", 0.5), ("a", 0.5), own=True).high == math.inf
    assert found.relative_spread(("a", 0.5), ("b", 0.5), own=True).low == 0
    assert found.gain("b", "a", 0.5).high == math.inf
    assert found.gain("b", "a", 0.5).low > 0
    assert found.gain("a", "b", 0.5).low == 0
    assert found.gain("a", "b", 0.5).high < math.inf


def test_no_spread_of_the_other_gives_no_ratio():
    found = findings([1e-4] * 3, [1e-4, 2e-4, 3e-4])
    assert found.relative_spread(("b", 0.5), ("a", 0.5), own=True) is None


def test_largest_error_of_all_is_the_reference_of_all():
    one, other = curve(1e-4, free=0.1), curve(1e-4, free=0.15)
    found = InstanceFindings("made up", 100, {"a": [one, other]})
    own = [each.limit for each in found.tolerable("a", 0.1, own=True)]
    assert own == pytest.approx([0.11, 0.165])
    assert [each.limit for each in found.tolerable("a", 0.1, own=False)] == pytest.approx(
        [0.165] * 2
    )


def test_noise_is_that_of_tolerable_rates_tried_again():
    alike = [1e-4] * 60
    found = findings(alike, alike, noise=0.03)
    # All instances are the same, so that their spread is the noise of their trials.
    spread = math.log(found.spread("a", 0.5, own=True).deviation.value)
    assert math.log(found.noise("a", 0.5, own=True)) == pytest.approx(spread, rel=0.4)
    assert findings(alike, alike).noise("a", 0.5, own=True) == pytest.approx(1)
