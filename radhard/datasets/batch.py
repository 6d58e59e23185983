"""How are the tensors of a batch reached, whatever container they come in?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["Batch", "joined", "mapped", "samples", "tensors", "to_device"]

Batch = Any
"""Inputs of some samples: a tensor ``(samples, ...)``, or a tuple, list or dict of such tensors."""

ALLOWED = "a tensor with the sample axis first, or a tuple, list or dict of such tensors"


def tensors(batch: Batch, name: str = "inputs") -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a batch with the expression that reaches it.

    Raises:
        InputError: something else than tensors in tuples, lists and dicts.

    >>> [name for name, _ in tensors((torch.zeros(1), {"mask": torch.zeros(1)}))]
    ['inputs[0]', "inputs[1]['mask']"]
    """
    if isinstance(batch, Tensor):
        yield name, batch
    elif type(batch) is tuple or type(batch) is list:
        for position, part in enumerate(batch):
            yield from tensors(part, f"{name}[{position}]")
    elif type(batch) is dict:
        for key, part in batch.items():
            yield from tensors(part, f"{name}[{key!r}]")
    else:
        raise InputError(f"{name} is {type(batch).__name__}; it must be {ALLOWED}")


def mapped(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    """The same containers with ``function`` of every tensor in them."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, dict):
        return {key: mapped(part, function) for key, part in batch.items()}
    return type(batch)(mapped(part, function) for part in batch)


def samples(batch: Batch) -> int:
    """How many samples a batch holds: the length of the first axis that all its tensors share.

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
    """One batch out of several of the same structure, each tensor by `torch.cat` or `torch.stack`.

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
    remaining = iter(merged)
    return mapped(parts[0], lambda _: next(remaining))
