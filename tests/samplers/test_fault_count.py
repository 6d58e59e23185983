"""Does every trial have as many different faults as asked for?"""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from radhard.comparison import accumulation
from radhard.errors import InputError
from radhard.faults import BitFlip
from radhard.samplers import FaultCount
from tests import small


@given(
    counts=st.lists(st.integers(1, 16), min_size=1, max_size=3, unique=True),
    trials=st.integers(1, 4),
    seed=st.integers(0, 2**40),
)
def test_every_trial_has_its_number_of_different_faults(counts, trials, seed):
    drawn = FaultCount(tuple(counts), trials=trials).draw(
        small.space((3, 5), BitFlip(bits=(0, 31))), seed
    )
    assert [len(set(drawn[trial].tolist())) for trial in range(len(drawn))] == [
        count for count in counts for _ in range(trials)
    ]
    assert [stratum.name for stratum in drawn.strata] == [f"errors {count}" for count in counts]


def test_every_set_of_faults_is_as_likely_as_any_other():
    drawn = FaultCount(2, trials=3000).draw(small.space((2, 4)), 1)
    sets = Counter(tuple(sorted(drawn[trial].tolist())) for trial in range(len(drawn)))
    assert len(sets) == 15
    assert chisquare(list(sets.values())).pvalue > 1e-4


def test_trials_are_independent_of_each_other():
    drawn = FaultCount((1, 2), trials=3000).draw(small.space((2, 4)), 2)
    kept = sum(int(drawn[trial][0]) in drawn[3000 + trial].tolist() for trial in range(3000))
    # Two of six faults contain any given one in a third of the trials.
    assert 900 < kept < 1100


def test_rates_are_given_by_the_number_of_errors():
    found = small.prepared(
        small.space(), FaultCount((2, 5), trials=4), lambda faults: 0.1 * len(faults)
    )
    rates = found.rate(by="errors")
    assert [round(rates[key].value, 9) for key in ("2", "5")] == [0.2, 0.5]
    with pytest.raises(InputError, match="accumulate only in trials of Cumulative"):
        accumulation(found)


def test_more_faults_than_there_are_is_one_line():
    with pytest.raises(InputError, match=r"asks for 9 different faults .* there are 8"):
        FaultCount((2, 9)).draw(small.space((3, 5)), 0)


@pytest.mark.parametrize(
    "wrong", [{"counts": 0}, {"counts": ()}, {"counts": (3, 3)}, {"counts": 2, "trials": 0}]
)
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(InputError, match=r"not allowed|twice"):
        FaultCount(**wrong)


def test_the_drawing_is_told_in_words():
    told = FaultCount((1, 10, 20), trials=100).in_words([BitFlip()], 300)
    assert "1, 10 or 20 of them at the same time in each of 100 trials" in told
    assert (
        FaultCount(3)
        .in_words([BitFlip()], 100)
        .endswith("3 of them at the same time in each of 100 trials,")
    )
