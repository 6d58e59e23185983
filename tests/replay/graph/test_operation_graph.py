"""Are the arguments of an operation found and filled in wherever they stand?"""

import operator

import pytest
import torch

from radhard.replay.graph import Node, Slot
from radhard.tree import leaves


@pytest.mark.parametrize(
    ("args", "kwargs", "slots"),
    [
        ((Slot(4), 1, None, "text"), {}, [4]),
        (([Slot(2), [Slot(1)]], (Slot(2),)), {"other": {"k": Slot(3)}}, [2, 1, 2, 3]),
        ((slice(Slot(5), None, Slot(6)),), {}, [5, 6]),
        ((), {}, []),
    ],
)
def test_slots_are_found_in_order_and_replaced_by_their_values(args, kwargs, slots):
    given = []
    node = Node(0, lambda *a, **k: given.append((a, k)), args, kwargs)
    assert node.inputs == slots
    node(lambda number: f"value {number}")
    text = repr((args, kwargs))
    for number in slots:
        text = text.replace(f"Slot(number={number})", f"'value {number}'")
    assert repr(given[0]) == text


def test_a_value_that_bounds_a_slice_is_filled_in():
    """torch.fx writes ``x[:n]`` so, where ``n`` is computed."""
    node = Node(2, operator.getitem, (Slot(0), slice(None, Slot(1))), {})
    values = {0: torch.arange(5), 1: 3}
    assert node.inputs == [0, 1]
    assert node(values.__getitem__).tolist() == [0, 1, 2]


def test_operations_get_tensors_and_no_copies_of_them():
    tensor = torch.zeros(2)
    node = Node(1, lambda value: value, ((Slot(0), [Slot(0)]),), {})
    assert all(found is tensor for _, found in leaves(node({0: tensor}.__getitem__)))
