"""Do the figures of a safety case follow from rates as by hand?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radhard.errors import InputError
from radhard.reliability import (
    ISO_26262_FIT_LIMIT,
    configuration_cross_section,
    cross_section,
    failure_rate,
    fit,
    layer_risk,
    mttf,
    mwtf,
    rate_per_hour,
    reliability,
    soft_error_rate,
    total_fit,
    upsets_per_hour,
)
from radhard.stats import Estimate, mean_share

SDC = Estimate(0.02, 0.01, 0.04, confidence=0.95, trials=400)


def test_hand_computed_figures() -> None:
    # 1 MiB at 1e-3 FIT a bit: 8,388,608 bits, 8,388.608 FIT raw; 2 % of them matter.
    bits = 2**23
    assert upsets_per_hour(1e-3, bits) == pytest.approx(8.388608e-6)
    assert fit(1e-3, bits, 0.02) == pytest.approx(167.77216)
    assert fit(1e-3, bits, 0.02) > ISO_26262_FIT_LIMIT == 10
    assert rate_per_hour(167.77216) == pytest.approx(1.6777216e-7)
    assert failure_rate(2.0, 50, 1000) == pytest.approx(4e-5)
    assert cross_section(120.0, 3e10) == pytest.approx(4e-9)
    assert configuration_cross_section(0.05, 2e6, 6e-8, 4e7) == pytest.approx(1.5e-10)
    assert soft_error_rate(4e-9, 14.0) == pytest.approx(56.0)
    assert reliability(1000.0, 1e-4) == pytest.approx(math.exp(-0.1))
    assert mttf(2e-6) == pytest.approx(500_000)
    assert mwtf(0.002, 0.05) == pytest.approx(10_000)


def test_failures_follow_from_upsets_and_rate() -> None:
    upsets = upsets_per_hour(2e-4, 5e7)
    assert rate_per_hour(fit(2e-4, 5e7, 0.03)) == pytest.approx(upsets * 0.03)


@given(st.lists(st.floats(0, 1e-3), min_size=1, max_size=6), st.floats(0, 1e4))
def test_layers_in_series_multiply(rates: list[float], hours: float) -> None:
    together = reliability(hours, rates[0], layer_rates_per_hour=rates[1:])
    assert together == pytest.approx(math.prod(reliability(hours, rate) for rate in rates))


def test_intervals_are_carried_through() -> None:
    failures = fit(1e-3, 2**23, SDC)
    assert (failures.low, failures.high) == pytest.approx((83.88608, 335.54432))
    assert (failures.unit, failures.trials, failures.confidence) == ("FIT", 400, 0.95)
    hourly = rate_per_hour(failures)
    hours = mttf(hourly)
    assert (hours.low, hours.high) == pytest.approx((1 / hourly.high, 1 / hourly.low))
    survival = reliability(1e6, hourly)
    assert survival.low == pytest.approx(math.exp(-hourly.high * 1e6))
    assert survival.low < survival.value < survival.high
    work = mwtf(0.5, SDC)
    assert (work.low, work.value, work.high) == pytest.approx((50, 100, 200))


def test_no_event_still_bounds_the_failure_rate() -> None:
    failures = fit(1e-4, 32e6, mean_share([0.0] * 1000))
    assert failures.value == 0
    assert failures.high > ISO_26262_FIT_LIMIT
    assert mttf(rate_per_hour(failures)).value == math.inf
    assert mttf(rate_per_hour(failures)).low < math.inf


def test_components_add_and_their_doubts_add_in_quadrature() -> None:
    parts = [Estimate(v, v - 3, v + 4, 0.95, 10, "FIT") for v in (5.0, 7.0)]
    total = total_fit(parts)
    assert total.value == 12
    assert (total.low, total.high) == pytest.approx((12 - 18**0.5, 12 + 32**0.5))
    assert total_fit(parts[:1]) == parts[0]


def test_only_figures_in_fit_of_one_confidence_add() -> None:
    part = Estimate(5, 4, 6, 0.95, 10, "FIT")
    for parts in ([], [SDC], [part, Estimate(5, 4, 6, 0.99, 10, "FIT")]):
        with pytest.raises(InputError):
            total_fit(parts)


@pytest.mark.parametrize(
    ("loss", "risk"),
    [(-0.01, "low"), (0.0099, "low"), (0.01, "medium"), (0.05, "medium"), (0.0501, "high")],
)
def test_layers_are_labelled_by_the_accuracy_lost(loss: float, risk: str) -> None:
    assert layer_risk(loss) == risk


@pytest.mark.parametrize(
    "refused",
    [
        lambda: fit(-1e-4, 10, 0.1),
        lambda: fit(1e-4, 10, 1.1),
        lambda: fit(1e-4, math.nan, 0.1),
        lambda: fit("x", 10, 0.1),  # type: ignore[arg-type]
        lambda: cross_section(1.0, 0.0),
        lambda: failure_rate(1.0, 0, 10),
        lambda: configuration_cross_section(0.1, 11, 1e-7, 10),
        lambda: mwtf(0.0, 0.1),
        lambda: reliability(-1.0, 0.1),
        lambda: layer_risk(5.0),
    ],
)
def test_impossible_figures_are_refused(refused) -> None:
    with pytest.raises(InputError):
        refused()
