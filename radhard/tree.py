"""Which tensors does a nested value hold, and how are they exchanged?"""

import copy
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.fx.node import map_aggregate

# Private in torch, though its own packages and many others build on it: taken from here only, so
# that there is one place to mend (tests/test_private_torch.py).
from torch.utils._pytree import (
    keystr,
    tree_flatten,
    tree_flatten_with_path,
    tree_leaves,
    tree_map,
    tree_unflatten,
)

__all__ = [
    "changed",
    "keystr",
    "leaves",
    "operands",
    "tree_flatten",
    "tree_flatten_with_path",
    "tree_leaves",
    "tree_map",
    "tree_unflatten",
]


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Tensor]]:
    """Every tensor in nested tuples, lists, mappings and dataclasses, with the path to it.

    For what modules take and return. torch's own trees end at every class that was not registered
    with them, such as dataclasses and classes derived from dict, and name parts in another way
    than sites do.

    >>> import torch
    >>> [path for path, _ in leaves((torch.zeros(1), {"h": torch.zeros(2)}))]
    [('0',), ('1', 'h')]
    """
    if isinstance(value, Tensor):
        return [(path, value)]
    return [leaf for key, part in _parts(value) for leaf in leaves(part, (*path, key))]


def operands(*given: Any) -> list[Any]:
    """What an operation is given, out of nested tuples, lists and dictionaries.

    A fifth of the time of `tree_leaves`, which knows other classes as well.

    >>> operands((1, [2, None]), {"dim": 3})
    [1, 2, None, 3]
    """
    found: list[Any] = []
    map_aggregate(given, found.append)
    return found


def changed(value: Any, path: tuple[str, ...], change: Callable[[Tensor], Tensor]) -> Any:
    """The same nested value with the tensor at ``path`` replaced by ``change(tensor)``."""
    if not path:
        return change(value)
    head, rest = path[0], path[1:]
    if isinstance(value, Mapping):
        key = next(k for k in value if str(k) == head)
        # Copied by its own type, so that an OrderedDict with attributes stays one.
        twin: Any = value.copy() if isinstance(value, dict) else dict(value)
        twin[key] = changed(value[key], rest, change)
        return twin
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Copied rather than built anew, which would refuse fields that are no arguments.
        twin = copy.copy(value)
        object.__setattr__(twin, head, changed(getattr(value, head), rest, change))
        return twin
    items = [changed(v, rest, change) if str(i) == head else v for i, v in enumerate(value)]
    # A named tuple has a constructor with an argument for each of its parts.
    return getattr(type(value), "_make", type(value))(items)


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [(str(number), part) for number, part in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return []
