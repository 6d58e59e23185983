"""Is every tensor of a nested value found, and exchanged without touching the rest?"""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.tree import changed, leaves

Pair = namedtuple("Pair", ["left", "right"])  # the kind that packages give


@dataclass(frozen=True)
class Given:
    x: object
    label: str = "kept"
    late: int = field(init=False, default=7)


def nested() -> st.SearchStrategy[object]:
    leaf = st.builds(lambda n: torch.tensor([float(n)]), st.integers(0, 9)) | st.none()
    return st.recursive(
        leaf,
        lambda part: (
            st.lists(part, max_size=3)
            | st.lists(part, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from("abc"), part, max_size=3)
            | st.dictionaries(st.sampled_from("abc"), part, max_size=3).map(OrderedDict)
            | st.builds(Pair, part, part)
            | st.builds(Given, part)
        ),
        max_leaves=8,
    )


@given(value=nested())
def test_one_leaf_is_exchanged_and_all_else_stays_the_same_object(value):
    before = leaves(value)
    for path, tensor in before:
        after = changed(value, path, lambda t: t + 1)
        assert type(after) is type(value)
        assert [other for other, _ in leaves(after)] == [other for other, _ in before]
        for (here, old), (_, new) in zip(before, leaves(after), strict=True):
            assert torch.equal(new, tensor + 1) if here == path else new is old
        assert all(a is b for (_, a), (_, b) in zip(before, leaves(value), strict=True))


def test_what_is_no_argument_of_a_dataclass_survives():
    before = Given(torch.zeros(1), "other")
    object.__setattr__(before, "late", 8)
    after = changed(before, ("x",), lambda t: t + 1)
    assert (after.label, after.late, after.x) == ("other", 8, torch.ones(1))


def test_results_of_torch_itself_are_exchanged_too():
    values = torch.tensor([[3.0, 5.0]])
    after = changed(torch.max(values, dim=1), ("0",), lambda t: t * 2)
    assert type(after) is torch.return_types.max
    assert (after.values.tolist(), after.indices.tolist()) == ([10.0], [1])
    packed = nn.utils.rnn.pack_sequence([values[0], values[0, :1]])
    doubled = changed(packed, ("0",), lambda t: t * 2)
    assert isinstance(doubled, nn.utils.rnn.PackedSequence)
    assert doubled.data.tolist() == [6.0, 6.0, 10.0]


@pytest.mark.parametrize("value", [None, 3, "text", [1, "a"], {}, Given], ids=repr)
def test_what_holds_no_tensor_has_no_leaves(value):
    assert leaves(value) == []
    assert isinstance(leaves((value, torch.zeros(1)))[0][1], Tensor)
