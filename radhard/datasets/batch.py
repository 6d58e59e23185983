"""How are the tensors of a batch accessed in any container?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.tree import keystr, tree_flatten, tree_flatten_with_path, tree_map, tree_unflatten

__all__ = ["Batch", "joined", "mapped", "samples", "tensors", "to_device", "whole"]

Batch = Any
"""Inputs of some samples: a tensor ``(samples, ...)``, or a tuple, list or dict of such tensors."""

ALLOWED = "a tensor with the sample axis first, or a tuple, list or dict of such tensors"


def tensors(batch: Batch, name: str = "inputs") -> Iterator[tuple[str, Tensor]]:
    """All tensors of a batch, each with the expression that accesses it.

    Raises:
        InputError: something else than tensors in tuples, lists and dicts.

    >>> [name for name, _ in tensors((torch.zeros(1), {"mask": torch.zeros(1)}))]
    ['inputs[0]', "inputs[1]['mask']"]
    """
    # Anything but plain containers is a leaf, and refused: a container of its own might not survive
    # indexing.
    found, _ = tree_flatten_with_path(batch, is_leaf=whole)
    for path, part in found:
        if not isinstance(part, Tensor):
            raise InputError(f"{name}{keystr(path)} is {type(part).__name__}; it must be {ALLOWED}")
        yield name + keystr(path), part


def whole(value: Any) -> bool:
    """Whether a batch is opaque: not a plain tuple, list or dict."""
    return type(value) not in (tuple, list, dict)


def mapped(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    """The same containers with ``function`` applied to every tensor."""
    return tree_map(function, batch, is_leaf=whole)


def samples(batch: Batch) -> int:
    """The number of samples of a batch: the common length of the first axis of its tensors.

    Raises:
        InputError: no tensor, a tensor without axes, or tensors that disagree.
    """
    first: tuple[str, int] | None = None
    for name, tensor in tensors(batch):
        if tensor.ndim == 0:
            raise InputError(f"{name} has no sample axis; it must be {ALLOWED}")
        if first is None:
            first = name, len(tensor)
        elif len(tensor) != first[1]:
            raise InputError(
                f"{name} has {len(tensor)} samples but {first[0]} has {first[1]}; "
                "every tensor needs the same number along its first axis"
            )
    if first is None:
        raise InputError(f"inputs hold no tensor; they must be {ALLOWED}")
    return first[1]


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    """The batch with every tensor on ``device``."""
    return mapped(batch, lambda tensor: tensor.to(device))


def joined(parts: Sequence[Batch], join: Callable[[list[Tensor]], Tensor]) -> Batch:
    """Combine several batches of the same structure by `torch.cat` or `torch.stack`.

    Raises:
        InputError: the structures or the shapes differ.
    """
    columns = [list(tensors(part)) for part in parts]
    names = [name for name, _ in columns[0]]
    for column in columns:
        if [name for name, _ in column] != names:
            raise InputError("samples do not all have the same structure, so they make no batch")
    merged = []
    for position, name in enumerate(names):
        try:
            merged.append(join([column[position][1] for column in columns]))
        except (RuntimeError, TypeError):
            shapes = sorted({tuple(column[position][1].shape) for column in columns})
            raise InputError(
                f"{name}: samples of different shapes make no batch: "
                f"{' and '.join(str(shape) for shape in shapes[:3])}"
            ) from None
    # All parts have the containers of the first one, as their names are the same.
    _, containers = tree_flatten(parts[0], is_leaf=whole)
    return tree_unflatten(merged, containers)
