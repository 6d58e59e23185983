"""Are no more critical words missed than promised?"""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from radhard.analyses.criticality import miss_limit, words_needed
from radhard.errors import InputError
from radhard.stats import clopper_pearson


@pytest.mark.parametrize("n", [40, 150])
@pytest.mark.parametrize("values", [None, 5, 20], ids=["continuous", "5 values", "20 values"])
def test_promise_is_broken_no_more_often_than_the_confidence_allows(n, values):
    rng, broken, repeats = np.random.default_rng(n), 0, 2000
    for _ in range(repeats):
        draws = rng.random(n)
        scores = draws if values is None else np.floor(draws * values) / values
        # Of uniform scores, exactly the share below the threshold is missed.
        broken += miss_limit(scores, 0.1).threshold > 0.1 + 1e-12
    limit = scipy.stats.binom.ppf(0.9999, repeats, 0.025)
    assert broken <= limit
    if values is None:
        # Not by being useless: with another rank the promise would be broken too often.
        assert broken > 0


@given(st.integers(72, 400), st.integers(0, 2**32 - 1))
def test_limit_is_that_of_clopper_and_pearson_and_no_other_rank_does_better(n, seed):
    scores = np.random.default_rng(seed).permutation(n) / n
    found = miss_limit(scores, 0.05)
    assert found.missed == (scores < found.threshold).sum()
    assert found.limit == clopper_pearson(found.missed, n)[1] <= 0.05
    assert clopper_pearson(found.missed + 1, n)[1] > 0.05
    assert scipy.stats.binom.cdf(found.missed, n, found.limit) == pytest.approx(0.025)


@given(st.floats(0.001, 0.9))
def test_as_many_words_as_needed_are_enough_and_one_less_is_not(rate):
    needed = words_needed(rate)
    assert miss_limit(np.linspace(0, 1, needed), rate).missed >= 0
    assert clopper_pearson(0, needed)[1] <= rate * (1 + 1e-9)
    if needed > 1:
        with pytest.raises(InputError, match=f"from {needed:,} held-out words"):
            miss_limit(np.linspace(0, 1, needed - 1), rate)


def test_words_of_equal_score_are_all_protected_or_none():
    found = miss_limit(np.full(100, 0.3), 0.05)
    assert (found.threshold, found.missed) == (0.3, 0)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_rate_that_cannot_be_promised_is_refused(rate):
    with pytest.raises(InputError, match="between 0 and 1"):
        words_needed(rate)
