"""Is every order as likely as every other?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from radhard.samplers.permutation import Permutation, Permutations


@pytest.mark.parametrize("key", [(0,), (7, 2**40, 32)])
def test_every_number_comes_once_for_all_sizes_up_to_300(key):
    for size in range(1, 301):
        assert sorted(Permutation(size, key)(np.arange(size)).tolist()) == list(range(size))


def test_all_orders_of_4_are_equally_likely():
    orders = [tuple(Permutation(4, (seed, 0, 1))(np.arange(4)).tolist()) for seed in range(4800)]
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("size", [3, 10, 16])
def test_every_number_is_equally_likely_at_every_position(size):
    draws = np.array([Permutation(size, (seed, 0, 1))(np.arange(size)) for seed in range(1500)])
    for position in range(size):
        assert chisquare(np.bincount(draws[:, position], minlength=size)).pvalue > 1e-4
    pairs = draws[:, 0] * size + draws[:, 1]
    counts = np.bincount(pairs, minlength=size**2).reshape(size, size)
    assert chisquare(counts[~np.eye(size, dtype=bool)]).pvalue > 1e-4


@given(
    size=st.integers(1, 10**11) | st.integers(2**61, 2**63 - 1),
    seed=st.integers(0, 2**64),
    data=st.data(),
)
def test_numbers_far_apart_are_distinct_and_asked_for_in_any_order(size, seed, data):
    positions = data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=50))
    order = Permutation(size, (seed, 0, 1))
    drawn = order(np.array(positions, np.int64))
    assert len(set(drawn.tolist())) == len(positions)
    assert ((drawn >= 0) & (drawn < size)).all()
    backwards = order(np.array(positions[::-1], np.int64))
    assert drawn.tolist() == backwards[::-1].tolist()


@given(
    sizes=st.lists(st.integers(1, 300) | st.integers(2**61, 2**63 - 1), min_size=1, max_size=6),
    data=st.data(),
)
def test_one_by_one_in_arrays_and_beside_other_permutations_the_numbers_are_the_same(sizes, data):
    orders = [Permutation(size, (3, at)) for at, size in enumerate(sizes)]
    drawn = data.draw(
        st.lists(st.tuples(st.integers(0, len(sizes) - 1), st.floats(0, 1)), min_size=2)
    )
    which = np.array([number for number, _ in drawn])
    at = np.array([min(int(share * sizes[n]), sizes[n] - 1) for n, share in drawn], np.int64)
    together = Permutations(orders)(which, at)
    for number, order in enumerate(orders):
        own = at[which == number]
        np.testing.assert_array_equal(
            order(np.append(own, own))[: len(own)], together[which == number]
        )
        assert [order(own[i : i + 1])[0] for i in range(len(own))] == together[
            which == number
        ].tolist()
