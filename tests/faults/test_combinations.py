"""Is every choice of bits numbered once, in order, without listing them?"""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.faults.combinations import combination


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("k", range(1, 9))
def test_ranks_number_all_choices_in_order_of_their_largest_member(n, k):
    choices = sorted(choice[::-1] for choice in itertools.combinations(range(n), k))
    if choices:
        ranked = combination(torch.arange(len(choices)), n, k)
        assert [tuple(column) for column in ranked.T.tolist()] == choices


@given(n=st.integers(1, 64), data=st.data())
def test_the_rank_of_a_choice_is_the_sum_of_its_binomials(n, data):
    k = data.draw(st.integers(1, n))
    rank = data.draw(st.integers(0, math.comb(n, k) - 1))
    members = combination(torch.tensor(rank), n, k).tolist()
    assert sum(math.comb(member, k - place) for place, member in enumerate(members)) == rank
    assert n > members[0]
    assert members == sorted(set(members), reverse=True)


@pytest.mark.parametrize("rank", [-1, 6, 2**62])
def test_a_rank_without_a_choice_is_refused(rank):
    with pytest.raises(IndexError, match="choices of 2 out of 4 are 0 to 5"):
        combination(torch.tensor([0, rank]), 4, 2)
