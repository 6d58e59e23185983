"""Are upsets counted by rate times size, over all that a model stores?"""

import math

import pytest

from radhard.comparison import upsets
from radhard.errors import InputError
from radhard.samplers import ErrorRate, Exhaustive, Uniform
from tests.small import prepared, space


def runs(*sizes, harmed=lambda faults: faults % 2):
    return [prepared(space((size,)), Exhaustive(), harmed) for size in sizes]


def test_exhausted_space_gives_the_very_count():
    (results,) = runs(8)
    found = upsets(results)
    assert found.faults == len(results.space) == 8
    assert found.harmful.value == found.harmful.low == found.harmful.high == 4
    assert found.failures(1.0).value == pytest.approx(4)
    assert found.per_hour(1.0).value == pytest.approx(4e-9)


def test_twice_the_bits_at_half_the_rate_are_no_gain():
    (before,) = runs(8)
    common, added = prepared(space((8,)), Exhaustive(), lambda f: f % 4 == 0), runs(8)[0]
    assert upsets(common).harmful.value == 2
    assert upsets(common, added).harmful.value == 6 > upsets(before).harmful.value


def test_distances_to_the_limits_add_in_quadrature():
    one = prepared(space((4000,)), Uniform(100), lambda f: f % 2)
    two = prepared(space((4000,)), Uniform(100), lambda f: f % 2, seed=1)
    both = upsets(one, two)
    parts = [upsets(run).harmful for run in (one, two)]
    below = math.hypot(*(part.value - part.low for part in parts))
    assert both.harmful.value - both.harmful.low == pytest.approx(below)
    assert both.harmful.trials == 200


def test_what_has_no_common_rate_is_refused():
    rates = prepared(space(), ErrorRate((0.1, 0.2), trials=2), lambda faults: 0.0)
    with pytest.raises(InputError, match="error rates"):
        upsets(rates)
    with pytest.raises(InputError, match="at least one"):
        upsets()
