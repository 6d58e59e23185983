"""Are means at error rates exact where they can be counted, and precise where harm is rare?"""

import math

import numpy as np
import pytest
from scipy.stats import binom

from radhard.comparison import ErrorCurve, fault_free_error, tolerable, tolerance_ratio
from radhard.errors import InputError
from radhard.samplers import ErrorRate
from tests.small import prepared, space

COLUMNS = ("Accuracy().accuracy", "Accuracy().drop")
RANGES = ((0.0, 1.0), (-1.0, 1.0))
FREE = 0.9
SPACE = space((400, 400))
BITS = len(SPACE)


def campaign(loss, rates, *, trials=20, seed=0, of=SPACE, **options):
    """A campaign in which the accuracy falls by ``loss`` of the faults of a trial."""

    def figures(faults):
        lost = loss(np.atleast_1d(faults))
        return FREE - lost, lost

    sampler = ErrorRate(rates, trials=trials, **options)
    return prepared(of, sampler, figures, columns=COLUMNS, ranges=RANGES, seed=seed)


def rates_of(low, high, number):
    return tuple(np.geomspace(low, high, number).tolist())


def by_number(faults):
    """Of the number of faults only, so that it is known exactly at each rate."""
    return 0.2 * (1 - 0.5 ** len(faults))


def test_known_function_of_the_number_of_faults_is_found_at_all_rates():
    rates = rates_of(1e-7, 1e-3, 17)
    curve = ErrorCurve.of(campaign(by_number, rates, trials=60))
    exact = [0.1 + 0.2 * (1 - (1 - rate / 2) ** BITS) for rate in rates]
    assert curve.rates == list(rates)
    assert curve.free == pytest.approx(0.1)
    assert curve.weights.sum(axis=0) == pytest.approx(1)
    assert curve.means == pytest.approx(exact, rel=0.05)


def test_weights_are_those_of_the_balance_heuristic():
    rates, trials = (1e-5, 1e-4), 5
    results = campaign(by_number, rates, trials=trials)
    faults = np.array([len(results.trials[n]) for n in range(len(results))])
    at = np.stack([binom.pmf(faults, BITS, rate) for rate in rates], axis=1)
    expected = at / (trials * at.sum(axis=1, keepdims=True))
    assert ErrorCurve.of(results).weights == pytest.approx(expected / expected.sum(axis=0))


def test_without_overlap_means_are_those_of_each_rate():
    results = campaign(by_number, (1e-3, 1e-1), trials=7)
    errors = 1 - results.values("accuracy").reshape(2, 7)
    curve = ErrorCurve.of(results)
    assert curve.means == pytest.approx(errors.mean(axis=1))
    assert curve.effective == pytest.approx([7, 7])


@pytest.mark.parametrize("per", ["bit", "word"])
def test_number_of_faults_is_that_of_the_faults_drawn(per):
    for count in ("binomial", "floor"):
        results = campaign(by_number, (1e-4, 1e-3), per=per, count=count)
        numbers = [results.trials.amount(n) for n in range(len(results))]
        assert numbers == [len(results.trials[n]) for n in range(len(results))]


def test_rare_fatal_flips_are_found_from_trials_with_one_fault():
    # 2 % of the bits are fatal, each adds 0.5; a relative increase of 0.5 % is 0.0005.
    def fatal(faults):
        return 0.5 * bool((faults % 50 == 0).any())

    truth = -math.expm1(math.log1p(-0.0005 / 0.5) / (BITS / 50))
    low, high, hits = rates_of(truth / 30, 100 * truth, 20), (0.5 / BITS, 1 / BITS, 2 / BITS), 0
    for seed in range(6):
        sweep = campaign(fatal, low, seed=2 * seed)
        more = campaign(fatal, high, trials=300, seed=2 * seed + 1)
        found = tolerable([sweep, more])
        hits += found.low <= truth <= found.high
        assert truth / 2.5 < found.value < truth * 2.5
        assert found.harmful >= 5
    assert hits >= 5


def test_campaigns_are_pooled_at_rates_that_both_have():
    one = campaign(by_number, (1e-3, 1e-2), trials=4)
    two = campaign(by_number, (1e-2, 1e-1), trials=6, seed=1)
    curve = ErrorCurve.of([one, two])
    assert curve.rates == [1e-3, 1e-2, 1e-1]
    assert curve.sizes == [4, 10, 6]
    middle = np.concatenate([one.values("accuracy")[4:], two.values("accuracy")[:6]])
    # The numbers of faults of the three rates hardly overlap.
    assert curve.means[1] == pytest.approx(1 - middle.mean(), rel=0.02)
    assert fault_free_error(two) == curve.free


def test_same_trials_are_drawn_again_where_two_curves_have_the_same_faults():
    rates = rates_of(1e-5, 1e-2, 7)
    first, second = ([campaign(by_number, rates, seed=s) for s in (0, 1)] for _ in range(2))
    ratio = tolerance_ratio(first, second, increase=0.3)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((1, 1, 1))
    assert ratio.trials == 2 * 7 * 20


def test_campaigns_that_cannot_be_pooled_are_refused():
    one = campaign(by_number, (1e-3, 1e-2))
    for other, said in (
        (one, "same seed"),
        (campaign(by_number, (1e-3,), seed=1, of=space((400, 401))), "space"),
        (campaign(by_number, (1e-3,), seed=1, per="word"), "way of drawing"),
    ):
        with pytest.raises(InputError, match=said):
            ErrorCurve.of([one, other])
    with pytest.raises(InputError, match="no campaign"):
        ErrorCurve.of([])
