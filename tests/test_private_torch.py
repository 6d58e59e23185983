"""Is everything there still that we use of torch although torch does not promise to keep it?

Where a test here fails after an update of torch, its docstring says what is broken in radhard until
the one place that it names is mended.
"""

from collections import OrderedDict, namedtuple

import pytest
import torch

from radhard import tree

Pair = namedtuple("Pair", ["left", "right"])


def test_nested_values_are_taken_apart_and_put_together():
    """`radhard.tree`: without it there are no batches of tuples or dicts, and no graphs."""
    one, two = torch.zeros(1), torch.ones(2)
    value = {"z": (one, [two]), "a": Pair(one, OrderedDict(k=two))}
    parts, containers = tree.tree_flatten(value)
    assert all(a is b for a, b in zip(parts, [one, two, one, two], strict=True))
    assert repr(tree.tree_unflatten(parts, containers)) == repr(value)
    assert all(a is b for a, b in zip(tree.tree_leaves(value), parts, strict=True))
    assert all(a is b for a, b in zip(tree.tree_iter(value), parts, strict=True))
    sizes = tree.tree_map(len, value)
    assert sizes == {"z": (1, [2]), "a": Pair(1, OrderedDict(k=2))}


def test_several_values_go_side_by_side_and_differing_ones_are_an_error():
    """`radhard.tree`: without it a graph for several batch sizes is no longer refused."""
    assert tree.tree_map(max, (1, [2]), (3, [0])) == (3, [2])
    for other in ((1, 2), (1, [2, 3]), [1, [2]], (1,)):
        with pytest.raises(ValueError, match=r"mismatch|[Ee]xpected|arity|type"):
            tree.tree_map(max, (1, [2]), other)


def test_parts_are_named_by_the_expression_that_reaches_them():
    """`radhard.tree`: without it errors about data name the wrong part of a batch."""
    value = ({"mask": 1, 2: [3]},)
    found = {tree.keystr(path): part for path, part in tree.tree_flatten_with_path(value)[0]}
    assert found == {"[0]['mask']": 1, "[0][2][0]": 3}
    assert all(eval(f"value{name}", {"value": value}) == part for name, part in found.items())


def test_what_is_called_a_leaf_is_not_looked_into():
    """`radhard.tree`: without it batches of other classes are no longer refused."""
    value = [OrderedDict(k=1), None, 2]
    parts, _ = tree.tree_flatten(value, is_leaf=lambda part: type(part) is not list)
    assert parts == value
