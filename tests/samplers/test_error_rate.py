"""Are there as many faults in a trial as the error rate brings?"""

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chisquare

from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.samplers import ErrorRate, Trials, UpsetRate
from radhard.space import FaultSpace
from tests import small

from .test_strata import space_of
from .test_upset_rate import space as upsets


def counts(trials: Trials) -> np.ndarray:
    return np.array([len(trials[i]) for i in range(len(trials))])


@pytest.mark.parametrize(("per", "things"), [("bit", 3200), ("word", 100)])
@pytest.mark.parametrize("rate", [0.001, 0.02, 0.3])
def test_the_number_of_faults_is_binomial(per, things, rate):
    found = counts(ErrorRate(rate, trials=1500, per=per).draw(space_of([60, 40]), 4))
    expected = binom(things, rate)
    deviation = 5 / np.sqrt(1500)
    assert abs(found.mean() - expected.mean()) < deviation * expected.std()
    fourth = expected.stats(moments="k") + 2
    assert abs(found.var() / expected.var() - 1) < deviation * np.sqrt(fourth)


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    rate=st.floats(0, 1),
    per=st.sampled_from(["bit", "word"]),
    count=st.sampled_from(["binomial", "floor"]),
    seed=st.integers(0, 2**40),
)
def test_faults_of_a_trial_are_distinct_and_repeat_by_seed_and_number(
    sizes, rate, per, count, seed
):
    space = space_of(sizes)
    sampler = ErrorRate((rate,), trials=3, per=per, count=count)
    trials = sampler.draw(space, seed)
    again = sampler.draw(space, seed)
    for i in (2, 0, 1):
        faults = trials[i]
        assert faults.dtype == np.int64
        assert len(np.unique(faults)) == len(faults)
        assert ((faults >= 0) & (faults < len(space))).all()
        assert again[i].tolist() == faults.tolist()
        places, words, _ = space.locate(faults)
        if per == "word":
            assert len(set(zip(places.tolist(), words.tolist(), strict=True))) == len(faults)
        if count == "floor":
            per_word = 1 if per == "word" else 32
            for place, size in enumerate(sizes):
                assert (places == place).sum() == int(rate * (size * per_word))


def test_every_fault_is_as_likely_as_every_other():
    space = space_of([3, 2], (0, 1))
    for per in ("bit", "word"):
        trials = ErrorRate(0.3, trials=3000, per=per).draw(space, 8)
        drawn = np.concatenate([trials[i] for i in range(len(trials))])
        assert chisquare(np.bincount(drawn, minlength=10)).pvalue > 1e-4


def test_rates_follow_one_another_as_strata():
    trials = ErrorRate((0.0, 0.5, 1.0), trials=4).draw(space_of([2]), 1)
    assert [s.name for s in trials.strata] == ["rate 0", "rate 0.5", "rate 1"]
    assert [trials.stratum(i) for i in range(12)] == [0] * 4 + [1] * 4 + [2] * 4
    assert counts(trials)[:4].tolist() == [0] * 4
    assert counts(trials)[8:].tolist() == [64] * 4
    assert not trials.single
    assert len({trials[i].tobytes() for i in range(4, 8)}) == 4


def test_a_rate_far_below_one_fault_hits_now_and_then_and_its_floor_never():
    space = space_of([10])
    often = counts(ErrorRate(1e-3, trials=400).draw(space, 2))
    assert 0 < (often > 0).mean() < 0.5
    assert counts(ErrorRate(1e-3, trials=400, count="floor").draw(space, 2)).sum() == 0


def test_low_rates_in_10_to_the_11_faults_take_no_memory():
    space: FaultSpace = space_of([1_600_000_000, 1_600_000_000])
    assert len(space) > 10**11
    faults = ErrorRate(1e-9, trials=2).draw(space, 3)[1]
    assert 50 < len(faults) < 200
    assert faults.max() > 10**10


def test_a_plan_begins_like_a_sentence_with_the_faults():
    assert ErrorRate(1e-3).in_words([BitFlip()], 1).startswith("Single bit flips at ")


def test_single_faults_are_not_to_be_had_from_trials_of_many():
    with pytest.raises(TypeError, match="many faults"):
        ErrorRate(0.1).draw(space_of([2]), 0).at(np.arange(3))
    with pytest.raises(IndexError, match="trial 100 of 100"):
        ErrorRate(0.1).draw(space_of([2]), 0)[100]
    with pytest.raises(InputError, match="seed=-2"):
        ErrorRate(0.1).draw(space_of([2]), -2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rates": ()}, "each from 0 to 1"),
        ({"rates": 1.5}, "each from 0 to 1"),
        ({"rates": (0.1, -0.1)}, "each from 0 to 1"),
        ({"rates": float("nan")}, "rates=nan is not allowed"),
        ({"rates": (0.1, 0.1)}, "names a rate twice"),
        ({"rates": 0.1, "trials": 0}, "at least 1"),
        ({"rates": 0.1, "per": "tensor"}, "per='tensor' is not allowed"),
    ],
    ids=repr,
)
def test_rates_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ErrorRate(**arguments)


@pytest.mark.parametrize("trials", [2**62 + 1, 2**63, 2**127 - 1])
def test_more_trials_than_can_be_counted_are_refused(trials):
    with pytest.raises(InputError, match="too many"):
        ErrorRate(0.001, trials=trials).draw(space_of([60]), 0)


@pytest.mark.parametrize("seed", [-1, 2**128])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(InputError, match="seed"):
        ErrorRate(0.001).draw(space_of([60]), seed)


@pytest.mark.parametrize("kind", [ErrorRate, UpsetRate])
def test_rates_that_are_equal_in_six_digits_are_two_groups(kind):
    rates = (1e-6, 0.1, 0.10000001, 0.1000000149, 1, 0.99999999)
    one = upsets((6,), samples=4)
    names = [stratum.name for stratum in kind(rates, trials=2).draw(one, 0).strata]
    assert names[0] == "rate 1e-06"
    assert [float(name.removeprefix("rate ")) for name in names] == list(rates)
    usual = kind((1e-6, 0.25, 1.0, 1 / 3), trials=2).draw(one, 0).strata
    assert [stratum.name for stratum in usual] == [
        "rate 1e-06",
        "rate 0.25",
        "rate 1",
        "rate 0.333333",
    ]


def test_a_run_of_rates_that_are_nearly_equal_is_resumed_and_shows_all(tmp_path):
    path, sampler = tmp_path / "run.db", ErrorRate((0.1, 0.10000001), trials=3)
    whole = small.campaign(path, sampler=sampler)
    small.without_checksums(path)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM trials WHERE trial % 2 = 1")
    db.close()
    again = small.campaign(path, sampler=sampler)
    rates = again.rate(by="rate")
    assert {key: estimate.trials for key, estimate in rates.items()} == {"0.1": 3, "0.10000001": 3}
    assert rates["0.1"].value == pytest.approx(whole.values()[:3].mean())
