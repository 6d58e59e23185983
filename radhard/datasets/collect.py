"""How are samples of a Dataset, a DataLoader or arrays loaded into memory?"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from radhard.datasets.batch import ALLOWED, Batch, joined, tensors, whole
from radhard.datasets.order import in_order
from radhard.errors import InputError
from radhard.tree import tree_map

__all__ = ["collected"]

# Read a second time; reading all of them would double the time for most people.
_ITEMS_AGAIN = 32
_BATCHES_AGAIN = 2

Pair = tuple[Batch, Tensor | None]


def collected(source: Any) -> tuple[Batch, Tensor | None]:
    """Inputs and labels (or None) of whatever holds samples; read once, in the order given.

    A `DataLoader` that shuffles is read in the order of its dataset, so that whoever reads it again
    finds the same samples.

    Raises:
        InputError: nothing that samples can be taken from, no samples, samples that differ in
            shape or structure, or that are others when they are read again.
    """
    if isinstance(source, DataLoader | Dataset):
        # Loaders and samplers draw random numbers; the random state of the caller is preserved.
        with torch.random.fork_rng(devices=[]):
            return _read(source)
    if isinstance(source, tuple) and len(source) == 2:
        inputs, labels = source
        return _tensors(inputs), None if labels is None else _label(labels)
    if _is_samples(source):
        return _merged([_pair(item) for item in source], torch.stack)
    if isinstance(source, Tensor | np.ndarray | tuple | list | dict):
        return _tensors(source), None
    once = ""
    if isinstance(source, Iterator):
        once = (
            "; what can be read only once cannot be repeated: make a loader of its batches, "
            "DataLoader(list(batches), batch_size=None)"
        )
    raise InputError(
        f"{type(source).__name__} is not data; give inputs, a pair (inputs, labels), a torch "
        f"Dataset or a DataLoader{once}. Inputs are {ALLOWED}"
    )


def _is_samples(source: Any) -> bool:
    """Whether a list holds samples, each with its label: as inputs it would make no sense."""
    return (
        isinstance(source, list)
        and bool(source)
        and all(isinstance(item, tuple | list) and len(item) == 2 for item in source)
        and all(np.ndim(label) == 0 and not isinstance(label, str) for _, label in source)
    )


def _read(source: DataLoader[Any] | Dataset[Any]) -> Pair:
    if isinstance(source, DataLoader):
        loader = in_order(source)
        batches = [_pair(batch) for batch in _read_by(loader, "the DataLoader", "batch")]
        merged = _merged(batches, torch.cat)
        again = map(_pair, _read_by(loader, "the DataLoader", "batch"))
        _check_same_items(batches[:_BATCHES_AGAIN], again, "the DataLoader")
        return merged
    name = type(source).__name__
    if isinstance(source, IterableDataset):
        items = [_pair(item) for item in _read_by(source, name, "sample")]
        again = map(_pair, _read_by(source, name, "sample"))
    else:
        # By index instead of iteration, because a Dataset need not raise at its end.
        count = _length(source)
        items = [_pair(item) for item in _read_by(_by_position(source, count), name, "sample")]
        again = map(_pair, _read_by(_by_position(source, count), name, "sample"))
    merged = _merged(items, torch.stack)
    _check_same_items(items[:_ITEMS_AGAIN], again, name)
    return merged


def _by_position(source: Any, count: int) -> Iterator[Any]:
    return (source[index] for index in range(count))


def _read_by(source: Iterable[Any], what: str, part: str) -> Iterator[Any]:
    """What a source of somebody else yields; where it fails, `InputError` says at which part."""
    number = 0
    try:
        for item in source:
            yield item
            number += 1
    except InputError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"{what} fails at {part} {number}: {type(error).__name__}: {said}"
        ) from error


def _check_same_items(first: list[Pair], again: Iterator[Pair], what: str) -> None:
    """Raise `InputError` where the first items differ when they are read a second time.

    What cannot be read twice, such as a stream, ends before it differs.
    """
    for one, other in zip(first, again, strict=False):
        if not all(map(_equal, _tensors_of(one), _tensors_of(other))):
            raise InputError(
                f"{what} gives other samples when it is read again (shuffling, random "
                "augmentation), so that no run could be continued or compared; give a dataset "
                "without random transforms, or tensors"
            )


def _tensors_of(pair: Pair) -> list[Tensor]:
    return [tensor for _, tensor in tensors([part for part in pair if part is not None])]


def _equal(one: Tensor, other: Tensor) -> bool:
    same = one.shape == other.shape
    # NaN in both is the same.
    return same and bool(((one == other) | ((one != one) & (other != other))).all())


def _length(source: Any) -> int:
    try:
        return len(source)
    except TypeError:
        raise InputError(
            f"the dataset {type(source).__name__} has no length; make it an IterableDataset "
            "or give it __len__"
        ) from None


def _pair(item: Any) -> tuple[Batch, Tensor | None]:
    """Split what a Dataset or DataLoader yields into inputs and labels."""
    if isinstance(item, tuple | list) and len(item) == 2:
        return _tensors(item[0]), _label(item[1])
    if isinstance(item, tuple | list) and len(item) == 1:
        return _tensors(item[0]), None
    return _tensors(item), None


def _merged(pairs: list[tuple[Batch, Tensor | None]], join: Any) -> tuple[Batch, Tensor | None]:
    if not pairs:
        raise InputError("no samples; at least one is needed")
    inputs = joined([inputs for inputs, _ in pairs], join)
    labels = [label for _, label in pairs if label is not None]
    if not labels:
        return inputs, None
    if len(labels) != len(pairs):
        raise InputError(f"{len(labels)} of {len(pairs)} items have a label; give all or none")
    return inputs, joined(labels, join)


def _tensors(value: Any) -> Batch:
    """Arrays turned into tensors, containers as they are; `Data` judges the rest."""
    return tree_map(
        lambda part: _from_numpy(part) if isinstance(part, np.ndarray) else part,
        value,
        is_leaf=whole,
    )


def _label(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value
    try:
        return _from_numpy(np.asarray(value))
    except (ValueError, TypeError):
        raise InputError(
            f"labels are {type(value).__name__}; give a tensor or numbers, one for each sample"
        ) from None


def _from_numpy(array: "np.ndarray[Any, Any]") -> Tensor:
    try:
        # A copy, so that later changes by the user do not affect the campaign.
        return torch.from_numpy(np.array(array))
    except TypeError:
        raise InputError(f"an array of {array.dtype} holds no numbers") from None
