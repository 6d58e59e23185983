"""Does the planned number of trials give an interval of the planned width?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.stats import (
    Cell,
    StratumPlan,
    allocation,
    floor_and_neyman,
    floor_size,
    stratified_mean,
)
from radhard.stats.sample_size import two_sided


def test_no_interval_is_narrower_than_the_floor():
    n = round(floor_size(1.0, 0.001, 0.95))
    found = stratified_mean([Cell(np.zeros(n), None)], 0.95)
    assert (found.high - found.low) / 2 == pytest.approx(0.001, rel=0.01)


@given(
    deviations=st.lists(st.floats(0, 0.5), min_size=1, max_size=12),
    margin=st.sampled_from([0.001, 0.004, 0.02]),
    confidence=st.sampled_from([0.9, 0.95, 0.99]),
)
@settings(max_examples=40)
def test_planned_trials_are_the_floor_and_a_neyman_part(deviations, margin, confidence):
    weight = 1 / len(deviations)
    strata = [StratumPlan(weight, 1.0, deviation, 10**9) for deviation in deviations]
    sizes = allocation(strata, margin, confidence)
    floor = floor_size(1.0, margin, confidence)
    assert sizes.sum() >= floor * (1 - 1e-6)
    # A stratum that varies more has no fewer trials.
    order = np.argsort(deviations, kind="stable")
    assert (np.diff(sizes[order]) >= 0).all()
    # The variance of the mean with these trials keeps the interval below the margin.
    variance = sum((weight * d) ** 2 / n for d, n in zip(deviations, sizes, strict=True))
    assert two_sided(confidence) * np.sqrt(variance) <= margin * (1 + 1e-6)


@pytest.mark.parametrize("margin", [0.003, 0.001])
def test_an_interval_with_the_planned_trials_has_the_margin(margin):
    rng = np.random.default_rng(3)
    rates, weights = np.array([0.0, 0.001, 0.05, 0.3]), np.array([0.6, 0.25, 0.1, 0.05])
    strata = [
        StratumPlan(w, 1.0, float(np.sqrt(p * (1 - p))), 10**9)
        for w, p in zip(weights, rates, strict=True)
    ]
    sizes = allocation(strata, margin, 0.95)
    widths = []
    for _ in range(20):
        cells = [
            Cell((rng.random(n) < p).astype(float), round(10**9 * w))
            for n, p, w in zip(sizes, rates, weights, strict=True)
        ]
        found = stratified_mean(cells, 0.95)
        widths.append((found.high - found.low) / 2)
    # Planned with limits that are exact only for many trials.
    assert np.mean(widths) == pytest.approx(margin, rel=0.1)


def test_caps_lower_the_floor_and_known_faults_have_no_trials():
    strata = [StratumPlan(0.9, 0.0, 0.0, 900), StratumPlan(0.1, 0.5, 0.0, 10**6)]
    sizes = allocation(strata, 0.01, 0.95)
    assert sizes[0] == 0
    assert sizes[1] == pytest.approx(floor_size(0.05, 0.01, 0.95), abs=1)
    assert allocation([StratumPlan(1.0, 1.0, 0.3, 50)], 0.01, 0.95).tolist() == [50]
    assert allocation([StratumPlan(1.0, 0.0, 0.0, 50)], 0.01, 0.95).tolist() == [0]


def test_without_variation_the_floor_is_all():
    strata = [StratumPlan(0.5, 1.0, 0.0, 10**6), StratumPlan(0.5, 0.2, 0.0, 10**6)]
    assert floor_and_neyman(strata, 0.01, 0.95) == (floor_size(0.6, 0.01, 0.95), 0.0)


def test_a_margin_of_zero_is_refused():
    with pytest.raises(InputError, match="margin=0 "):
        floor_size(1.0, 0, 0.95)
