"""Is the highest tolerable error rate where the monotone curve passes the limit?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from radhard.comparison import fault_free_error, tolerable, tolerance_ratio
from radhard.comparison.error_curve import crossings
from radhard.errors import InputError
from radhard.samplers import ErrorRate, Uniform
from tests.small import prepared, space

COLUMNS = ("Accuracy().accuracy", "Accuracy().drop")
RANGES = ((0.0, 1.0), (-1.0, 1.0))
FREE = 0.9


def curve(accuracies, *, rates=(1e-4, 1e-3, 1e-2), trials=6, each=6):
    """A campaign with these accuracies, each in so many trials one after another."""
    numbers = iter(np.repeat(accuracies, each))

    def figures(faults):
        accuracy = float(next(numbers))
        return accuracy, FREE - accuracy

    # Made-up accuracies do not depend on faults, so trials must not be pooled by their number.
    sampler = ErrorRate(rates, trials=trials, count="floor")
    return prepared(space((400, 400)), sampler, figures, columns=COLUMNS, ranges=RANGES)


def test_limit_half_way_up_a_decade_is_read_at_the_middle_of_the_decade():
    # Errors 0.1, 0.1, 0.3: a relative increase of 1 is an error of 0.2, half-way.
    found = tolerable(curve((0.9, 0.9, 0.7)), increase=1.0)
    assert found.limit == pytest.approx(0.2)
    assert found.value == pytest.approx(10**-2.5)
    assert found.low == pytest.approx(found.value) == found.high
    assert tolerable(curve((0.9, 0.9, 0.7)), increase=0.1, relative=False).value == pytest.approx(
        10**-2.5
    )


def test_curve_that_never_passes_is_tolerated_beyond_what_was_tried():
    found = tolerable(curve((0.9, 0.9, 0.9)))
    assert found.value == math.inf
    assert str(found) == "above 0.01 [above 0.01, above 0.01] per bit (95 %)"


def test_first_rate_that_is_too_high_says_below():
    found = tolerable(curve((0.2, 0.2, 0.2)))
    assert found.value == 0
    assert str(found).startswith("below 0.0001")


def test_curve_that_falls_by_chance_is_made_monotone():
    # Errors 0.1, 0.5, 0.3 become 0.1, 0.4, 0.4.
    found = tolerable(curve((0.9, 0.5, 0.7)), increase=1.5)
    assert found.value == pytest.approx(10**-3.5)


def test_error_of_another_model_can_be_the_reference():
    assert tolerable(curve((0.9, 0.9, 0.7)), increase=0.0, reference=0.2).value == pytest.approx(
        10**-2.5
    )


@given(st.lists(st.sampled_from([0.1, 0.5, 0.8, 0.9]), min_size=3, max_size=3), st.data())
def test_larger_increase_never_tolerates_less(accuracies, data):
    results = curve(sorted(accuracies, reverse=True))
    increases = sorted(data.draw(st.lists(st.floats(0, 8), min_size=2, max_size=2)))
    low, high = (tolerable(results, increase=each) for each in increases)
    assert low.value <= high.value
    for found in (low, high):
        assert found.low <= found.value <= found.high


def test_rates_count_by_their_trials():
    # 0.5 of three trials and 0.3 of one become 0.45 each; 0.275 is half-way from 0.1.
    means, sizes = np.array([[0.1, 0.5, 0.3]]), np.array([1.0, 3.0, 1.0])
    (found,) = crossings([1e-4, 1e-3, 1e-2], means, sizes, 0.275)
    assert found == pytest.approx(10**-3.5)


def test_interval_covers_the_rate_that_endless_trials_would_give():
    chance, hits = np.random.default_rng(0), 0
    for _ in range(30):
        errors = (chance.random((180, 20)) < np.repeat((0.1, 0.1, 0.3), 60)[:, None]).mean(axis=1)
        found = tolerable(curve(1 - errors, trials=60, each=1), increase=1.0, reference=0.1)
        hits += found.low <= 10**-2.5 <= found.high
    assert hits >= 25


def test_what_has_no_error_rate_or_no_accuracy_is_refused():
    with pytest.raises(InputError, match="trials at error rates"):
        tolerable(prepared(space(), Uniform(4), lambda f: 0 * f))
    with pytest.raises(InputError, match="Accuracy"):
        tolerable(prepared(space(), ErrorRate(0.1, trials=2), lambda f: 0.0))
    with pytest.raises(InputError, match="0 or above"):
        tolerable(curve((0.9, 0.9, 0.9)), increase=-1)


def test_rates_that_are_printed_alike_are_told_apart():
    found = tolerable(curve((0.9, 0.7), rates=(1.0000001e-3, 1.0000004e-3)), increase=1.0)
    assert found.least == 1.0000001e-3
    assert found.least < found.value < found.most


def test_curve_is_that_of_scikit_learn():
    rates, errors = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1), np.array([0.1, 0.3, 0.2, 0.25, 0.6])
    fit = IsotonicRegression().fit(np.log(rates), errors)
    fine = np.linspace(*np.log((1e-5, 1e-1)), 100_001)
    last = fine[np.flatnonzero(fit.predict(fine) <= 0.15)[-1]]
    found = tolerable(curve(1 - errors, rates=rates), increase=0.5)
    assert found.value == pytest.approx(math.exp(last), rel=1e-3)


def test_rates_per_word_are_called_so():
    sampler = ErrorRate((1e-3, 1e-2), trials=2, per="word")
    results = prepared(
        space((400, 400)), sampler, lambda f: (0.9, 0.0), columns=COLUMNS, ranges=RANGES
    )
    assert "per word" in str(tolerable(results))
    assert tolerable(results).is_bound


def test_fault_free_error_is_what_the_trials_start_from():
    assert fault_free_error(curve((0.9, 0.7, 0.2))) == pytest.approx(0.1)


def test_largest_error_of_several_instances_can_be_the_reference_of_all():
    runs = [curve((0.9, 0.9, 0.7)), curve((0.9, 0.8, 0.7))]
    worst = max(fault_free_error(run) for run in runs)
    assert tolerable(runs[0], reference=worst, increase=1.0).limit == pytest.approx(0.2)


def test_value_that_rests_on_few_harmful_trials_says_so():
    # One trial of six is harmful at 1e-3 and all are at 1e-2.
    accuracies = np.array([0.9] * 11 + [0.3] + [0.1] * 6)
    rare = tolerable(curve(accuracies, each=1), increase=0.5)
    assert rare.harmful == 1
    assert rare.is_rare
    assert "1 harmful" in str(rare)
    common = tolerable(curve((0.9, 0.6, 0.1)), increase=0.5)
    assert common.harmful == 6
    assert not common.is_rare
    assert "harmful" not in str(common)


def test_ratio_is_that_of_the_two_tolerable_rates():
    # Limits half-way up the second decade and half-way up the first: a decade apart.
    late, early = curve((0.9, 0.9, 0.7)), curve((0.9, 0.7, 0.7))
    found = tolerance_ratio(late, early, increase=1.0)
    assert (found.low, found.value, found.high) == pytest.approx((10, 10, 10))
    back = tolerance_ratio(early, late, increase=1.0)
    assert back.value == pytest.approx(0.1)
    assert back.unit == "times"


def test_ratio_to_a_rate_outside_those_tried_is_a_bound():
    never, always, inside = (curve(each) for each in ((0.9,) * 3, (0.2,) * 3, (0.9, 0.9, 0.7)))
    over = tolerance_ratio(never, inside, increase=1.0)
    assert (over.value, over.high) == (pytest.approx(10**0.5), math.inf)
    assert over.low == pytest.approx(over.value)
    under = tolerance_ratio(always, inside, increase=1.0)
    assert (under.low, under.value) == (0, pytest.approx(10**-1.5))
    assert tolerance_ratio(never, always).low == pytest.approx(100)
    assert tolerance_ratio(never, never) is None
    assert tolerance_ratio(always, always) is None


def test_ratio_of_equal_trials_is_one_without_doubt():
    # Trials that differ much, but alike in both campaigns.
    rng = np.random.default_rng(5)
    accuracies = np.concatenate([rng.uniform(low, 0.9, 6) for low in (0.89, 0.7, 0.3)])
    first, second = (curve(accuracies, each=1) for _ in range(2))
    alone = tolerable(first, increase=0.5)
    assert alone.high > 1.2 * alone.low
    ratio = tolerance_ratio(first, second, increase=0.5)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((1, 1, 1))


def test_ratio_can_be_measured_against_one_reference():
    # Errors 0.1, 0.1, 0.3 and 0.1, 0.3, 0.3; limit 0.2 of both, absolute as relative.
    late, early = curve((0.9, 0.9, 0.7)), curve((0.9, 0.7, 0.7))
    found = tolerance_ratio(late, early, increase=3.0, reference=0.05)
    assert found.value == pytest.approx(10)
    assert tolerance_ratio(late, early, increase=0.05, relative=False, reference=0.0) is None


def test_interval_of_a_ratio_covers_the_ratio_of_the_harmful_bits():
    # Of a million bits 2,000 are harmful in one campaign, these and 8,000 more in the other.
    chance, hits = np.random.default_rng(0), 0
    rates = tuple(np.geomspace(1e-6, 1e-3, 7).tolist())
    for _ in range(12):
        few = chance.binomial(2000, np.repeat(rates, 20))
        many = few + chance.binomial(8000, np.repeat(rates, 20))
        first, second = (
            curve(0.9 - 1e-3 * number, rates=rates, trials=20, each=1) for number in (few, many)
        )
        found = tolerance_ratio(first, second, increase=0.05)
        hits += found.low <= 5 <= found.high
    assert hits >= 10


@pytest.mark.parametrize("function", [tolerable, fault_free_error])
def test_what_is_not_a_campaign_is_refused(function):
    with pytest.raises(InputError, match=r"str; give Results"):
        function("runs/base.db")


@pytest.mark.parametrize("relative", ["no", 1, None])
def test_a_kind_of_increase_that_is_neither_true_nor_false_is_refused(relative):
    with pytest.raises(InputError, match=r"relative=.*True or False"):
        tolerable(curve((0.9, 0.9, 0.7)), relative=relative)


@pytest.mark.parametrize("seed", [-1, 1.5, "one"])
def test_a_seed_that_is_not_a_whole_number_is_refused(seed):
    with pytest.raises(InputError, match="seed"):
        tolerable(curve((0.9, 0.9, 0.7)), seed=seed)
