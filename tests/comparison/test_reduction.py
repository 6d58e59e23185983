"""By which share is the harm lower in a hardened model, and does its interval hold?"""

import numpy as np
import pytest

from radhard.comparison import compare
from radhard.samplers import Exhaustive, PerTensor, Uniform
from tests.small import prepared, space

LARGE = space((1500, 2500))
CHANCE = np.random.default_rng(3)
BEFORE = np.where(CHANCE.random(4000) < 0.08, CHANCE.integers(1, 21, 4000) / 20, 0.0)
AFTER = np.where(CHANCE.random(4000) < 0.7, 0.0, BEFORE)
"""What harmed before mostly does no harm, as behind bounds; nothing is worse."""


def reduction(sampler, after=AFTER, seed=0):
    runs = (prepared(LARGE, sampler, lambda f, v=v: v[f], seed=seed) for v in (BEFORE, after))
    (row,) = compare(*runs).rows
    return row


def test_an_exhausted_reduction_is_the_quotient_of_the_means():
    found = reduction(Exhaustive()).reduction
    true = 1 - AFTER.mean() / BEFORE.mean()
    assert found.value == pytest.approx(true)
    assert found.low == pytest.approx(true, abs=2e-6)
    assert found.high == pytest.approx(true, abs=2e-6)


@pytest.mark.parametrize("sampler", [PerTensor(350)])
def test_intervals_hold_the_true_reduction(sampler):
    true = 1 - AFTER.mean() / BEFORE.mean()
    rows = [reduction(sampler, seed=seed) for seed in range(30)]
    told = [row.reduction for row in rows if row.reduction is not None]
    assert len(told) > 25
    # Of 30 more than 4 miss at 95 % confidence with one chance in sixty.
    assert sum(not one.low <= true <= one.high for one in told) <= 4
    assert np.mean([one.high - one.low for one in told]) < 0.6  # they say something


@pytest.mark.parametrize("seed", range(6))
def test_it_lies_above_0_just_where_the_difference_lies_below(seed):
    slight = np.where(BEFORE > 0.5, BEFORE - 0.05 * seed, BEFORE)
    row = reduction(Uniform(500), slight, seed)
    assert (row.reduction is not None) == (row.difference.high < 0)
    if row.reduction is not None:
        assert 0 <= row.reduction.low <= row.reduction.value <= row.reduction.high <= 1


def test_harm_that_grows_or_was_never_seen_has_no_reduction():
    assert reduction(Exhaustive(), np.minimum(1.0, BEFORE * 2)).reduction is None
    nothing = np.zeros(4000)
    runs = (prepared(LARGE, Uniform(50), lambda f: nothing[f]) for _ in range(2))
    assert compare(*runs).rows[0].reduction is None
