"""Are the figures of a study those that its trials give by hand?"""

from dataclasses import replace

import numpy as np
import pytest

from radhard.cost import Overhead
from radhard.cost.operation_count import Cost
from radhard.errors import InputError
from radhard.stats import Cell, mean_difference, mean_share
from radhard.studies.error_rates import ErrorRateCampaign, ErrorRateFindings, MeasuredVariant

COST = Overhead(Cost(1, 0, 32, 1), Cost(1, 0, 32, 1))


def campaign(low, high):
    return ErrorRateCampaign(
        64, {1e-4: 1.0, 1e-3: 2.0}, {1e-4: np.array(low), 1e-3: np.array(high)}
    )


def measured(right, common, own):
    return MeasuredVariant("", np.array(right), 0.9, COST, (), common, own)


@pytest.fixture
def found():
    base = campaign([0.9, 0.8, 0.9, 0.8], [0.1, 0.3, 0.2, 0.2])
    hard = campaign([0.9, 0.9, 0.9, 0.9], [0.5, 0.7, 0.6, 0.6])
    own = campaign([0.7, 0.9, 0.9, 0.9], [0.5, 0.5, 0.6, 0.6])
    return ErrorRateFindings(
        "by hand",
        10,
        {
            "none": measured([True, True, True, False], base, base),
            "hard": measured([True, False, True, True], hard, own),
        },
    )


def test_drop_is_of_the_unprotected_fault_free_network_and_pools_rates_alike(found):
    drop = found.drop("hard", [1e-4, 1e-3], common=True)
    assert drop.value == pytest.approx(100 * (0.9 - (0.9 + 0.6) / 2))
    assert drop.unit == "points"
    assert drop.trials == 8


def test_one_rate_gives_the_interval_of_its_trials(found):
    alone = found.accuracy("none", [1e-3], common=True)
    known = mean_share([0.1, 0.3, 0.2, 0.2])
    assert (alone.value, alone.low, alone.high) == pytest.approx(
        (known.value, known.low, known.high), abs=1e-9
    )


def test_gain_takes_trials_in_pairs_and_own_faults_where_asked(found):
    common = found.gain("hard", "none", [1e-3], common=True)
    known = mean_difference([Cell([0.4] * 4, None)])
    assert common.value == pytest.approx(40)
    assert common.low == pytest.approx(100 * known.low, abs=1e-6)
    assert found.gain("hard", "none", [1e-3], common=False).value == pytest.approx(35)


def test_points_lost_without_faults_are_counted_on_all_test_images(found):
    drop = found.free_drop("hard")
    assert drop.value == drop.low == drop.high == 0
    wider = found.free_drop_elsewhere("hard")
    assert wider.low < 0 < wider.high


def test_rates_that_count_follow_from_the_unprotected_network_alone(found):
    assert found.harmed(1.0) == (1e-3,)
    worse = replace(found.measured["hard"], common=found.base.common)
    other = ErrorRateFindings("by hand", 10, {**found.measured, "hard": worse})
    assert other.harmed(1.0) == found.harmed(1.0)


def test_mean_over_no_rate_is_refused(found):
    with pytest.raises(InputError, match="no error rate"):
        found.drop("none", [], common=True)
