"""Which samples are for training, which for testing, and in which order?"""

from typing import Literal, get_args

import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.spec import near

__all__ = ["Split", "balanced", "checked", "chosen", "part"]

Split = Literal["train", "test", "all"]

TEST_EVERY = 5


def checked(split: str) -> Split:
    """The split's name, if it is one.

    Raises:
        InputError: another name.
    """
    names = list(get_args(Split))
    if split not in names:
        raise InputError(
            f"split={split!r} is not allowed; {near(str(split), names)}one of {', '.join(names)}"
        )
    return split  # type: ignore[return-value]


def balanced(labels: Tensor) -> Tensor:
    """An order of the samples in which every prefix has the class proportions of the whole.

    Within a class the samples keep their order.

    >>> balanced(torch.tensor([0, 0, 0, 0, 1, 1])).tolist()
    [0, 4, 1, 2, 5, 3]
    """
    rank = _rank(labels)
    count = torch.bincount(labels)[labels]
    position = (2 * rank + 1).double() / (2 * count).double()
    # Two stable sorts, the secondary key first.
    by_class = torch.argsort(labels, stable=True)
    return by_class[torch.argsort(position[by_class], stable=True)]


def part(labels: Tensor, split: Split) -> Tensor:
    """Positions of the samples of a split: of every class, each fifth sample is for testing."""
    held_out = _rank(labels) % TEST_EVERY == TEST_EVERY - 1
    if split == "all":
        return torch.arange(len(labels))
    return torch.nonzero(held_out if split == "test" else ~held_out).flatten()


def chosen(inputs: Tensor, labels: Tensor, n: int | None, name: str) -> Data:
    """The first ``n`` samples (None: all) in `balanced` order.

    Raises:
        InputError: ``n`` is not between 1 and the number of samples.
    """
    if n is not None and (isinstance(n, bool) or not isinstance(n, int)):
        raise InputError(f"n={n!r} is not allowed; n is a whole number or None")
    if n is not None and not 1 <= n <= len(labels):
        raise InputError(f"n={n} is not allowed; 1 to {len(labels)}, the samples of {name}")
    order = balanced(labels)[:n]
    return Data(inputs[order], labels[order], name)


def _rank(labels: Tensor) -> Tensor:
    """The number of earlier samples of the same class, for each sample."""
    order = torch.argsort(labels, stable=True)
    first = torch.searchsorted(labels[order].contiguous(), labels[order].contiguous())
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(labels)) - first
    return rank
