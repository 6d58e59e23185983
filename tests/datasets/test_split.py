"""Are the splits disjoint, balanced and the same every time?"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.datasets.split import balanced, chosen, part
from radhard.errors import InputError

labels = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(torch.tensor)


@given(labels)
def test_train_and_test_are_all_samples_once(y):
    train, test = part(y, "train"), part(y, "test")
    together = torch.cat([train, test]).sort().values
    assert torch.equal(together, part(y, "all"))
    for c in y.unique():
        assert (y[test] == c).sum() == (y == c).sum() // 5


@given(labels)
def test_balanced_is_an_order_of_all_samples_that_keeps_order_within_a_class(y):
    order = balanced(y)
    assert torch.equal(order.sort().values, torch.arange(len(y)))
    for c in y.unique():
        positions = order[y[order] == c]
        assert torch.equal(positions, positions.sort().values)


@given(st.integers(1, 5), st.integers(1, 10), st.integers(0, 100))
def test_every_beginning_holds_equal_classes_equally(classes, each, seed):
    y = torch.arange(classes).repeat(each)
    y = y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]
    ordered = y[balanced(y)]
    for n in range(1, len(y) + 1):
        counts = torch.bincount(ordered[:n], minlength=classes)
        assert counts.max() - counts.min() <= 1


@given(labels)
def test_every_beginning_holds_unequal_classes_nearly_in_proportion(y):
    ordered = y[balanced(y)]
    share = torch.bincount(y, minlength=5) / len(y)
    for n in range(1, len(y) + 1):
        counts = torch.bincount(ordered[:n], minlength=5)
        # At one threshold every class is within half a sample; five classes may tie there.
        assert (counts - n * share).abs().max() <= 3.5


@pytest.mark.parametrize("n", [0, 4, -2, True, 1.5, "3"])
def test_a_number_of_samples_that_cannot_be_is_refused(n):
    with pytest.raises(InputError, match="not allowed"):
        chosen(torch.zeros(3), torch.zeros(3, dtype=torch.int64), n, "three")
