"""Which slices of a tensor are the parts into which an operation splits it?"""

import itertools
import operator
from typing import Any

import torch
from torch import fx

__all__ = ["SPLITTING", "part_of", "parts_are_slices"]

aten: Any = torch.ops.aten

SPLITTING = {aten.chunk.default, aten.split.Tensor, aten.split_with_sizes.default}
"""Operations that split a tensor along one axis, which is their third argument, into parts."""


def parts_are_slices(node: fx.Node) -> bool:
    """Whether an operation splits a tensor, not along its samples, and its parts alone are used.

    Such a tuple of tensors has no row of a sample; its parts, as slices, do.
    """
    if node.op != "call_function" or node.target not in SPLITTING or node.kwargs:
        return False
    if any(user.target is not operator.getitem for user in node.users) or _axis(node) == 0:
        return False
    return all(isinstance(length, int) for length in _lengths(node))


def part_of(node: fx.Node) -> tuple[fx.Node, int, int, int] | None:
    """The arguments of the slice that a node takes: tensor, axis, begin, end; None if none."""
    if node.op != "call_function" or node.target is not operator.getitem:
        return None
    split, number = node.args
    if not isinstance(split, fx.Node) or not isinstance(number, int):
        return None
    if not parts_are_slices(split):
        return None
    source = split.args[0]
    assert isinstance(source, fx.Node)
    ends = [0, *itertools.accumulate(_lengths(split))]
    number %= len(ends) - 1
    return source, _axis(split), ends[number], ends[number + 1]


def _axis(node: fx.Node) -> int:
    axis: Any = node.args[2] if len(node.args) > 2 else 0
    found: int = axis % len(node.meta["val"][0].shape)
    return found


def _lengths(node: fx.Node) -> list[Any]:
    return [part.shape[_axis(node)] for part in node.meta["val"]]
