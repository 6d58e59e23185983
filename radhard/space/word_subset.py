"""Which values of a tensor does a region cover, if not all?"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

from radhard.errors import InputError
from radhard.spec import FrozenDict
from radhard.targets import Site

__all__ = ["WordSubset", "subset_of_site", "subsets_of"]


@dataclass(frozen=True)
class WordSubset:
    """Some of the values of a tensor, by their flat positions; one bit for each value."""

    packed: bytes
    """The mask, eight values a byte, the first in the highest bit."""
    size: int
    """Number of values of the tensor."""
    shape: tuple[int, ...] | None = field(default=None, compare=False)
    """The shape of the mask, where one was given; a run file has that of the tensor."""

    @classmethod
    def of(cls, mask: Any) -> "WordSubset":
        """The values where ``mask``, a tensor or array of bool, is True."""
        flags = np.asarray(mask.cpu() if isinstance(mask, torch.Tensor) else mask)
        return cls(np.packbits(flags.reshape(-1)).tobytes(), flags.size, flags.shape)

    @cached_property
    def mask(self) -> np.ndarray:
        """Whether each value belongs to it, ``(values,)``."""
        bits = np.unpackbits(np.frombuffer(self.packed, np.uint8), count=self.size)
        return bits.astype(bool)

    @cached_property
    def positions(self) -> np.ndarray:
        """The flat positions of its values, ascending."""
        return np.flatnonzero(self.mask)

    def meets(self, other: "WordSubset | None") -> bool:
        """Whether it shares a value with another; None stands for all values."""
        return other is None or bool((self.mask & other.mask).any())

    def to_text(self) -> str:
        """The mask as text, from which `from_text` makes the same subset."""
        return base64.b64encode(self.packed).decode("ascii")

    @classmethod
    def from_text(cls, text: str, size: int) -> "WordSubset":
        """The subset of ``size`` values that `to_text` represents.

        Raises:
            InputError: the text does not represent a mask of so many values.
        """
        try:
            packed = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            # Too short for any mask, so that the error below is raised.
            packed = b""
        if len(packed) != -(-size // 8):
            raise InputError(f"the mask of words in the file does not have {size} values")
        return cls(packed, size)


def subsets_of(given: Any) -> FrozenDict[str, WordSubset] | None:
    """Subsets by the name of their tensor, given as masks; None without any.

    Raises:
        InputError: something else.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise InputError(
            f"words is {type(given).__name__}; give a mask for each tensor, such as "
            "{'fc.weight': weight.abs() > 0.1}"
        )
    for name, mask in given.items():
        if isinstance(mask, WordSubset):
            continue
        dtype = getattr(mask, "dtype", None)
        if dtype not in (torch.bool, np.dtype(bool)):
            raise InputError(
                f"words[{name!r}] is {dtype or type(mask).__name__}; give a tensor or array of bool"
            )
    return FrozenDict(
        {
            str(name): mask if isinstance(mask, WordSubset) else WordSubset.of(mask)
            for name, mask in given.items()
        }
    )


def subset_of_site(subsets: Mapping[str, WordSubset] | None, site: Site) -> WordSubset | None:
    """Those values of a site, or of one sample of it, whose words may be faulty; None: all.

    They are in the given subset, if there are any, and in the rows that the target selected.

    Raises:
        InputError: there are subsets but none for this site, or it is for another shape.
    """
    chosen = None if subsets is None else _chosen(subsets, site)
    if site.rows is None:
        return chosen
    mask = np.zeros(site.shape, dtype=bool)
    mask[slice(*site.rows)] = True
    return WordSubset.of(mask if chosen is None else mask & chosen.mask.reshape(site.shape))


def _chosen(subsets: Mapping[str, WordSubset], site: Site) -> WordSubset:
    subset = next((subsets[name] for name in (site.name, *site.aliases) if name in subsets), None)
    if subset is None:
        others = ", ".join(map(repr, subsets)) or "none"
        raise InputError(
            f"words has no mask for {site.name!r}, only for {others}; give "
            "one for each tensor of the target, or choose a target with fewer tensors"
        )
    values = int(np.prod(site.shape, dtype=np.int64))
    if site.flows:
        raise InputError(
            f"{site.name!r} is computed in every pass; masks of words are for stored tensors only"
        )
    if subset.size != values:
        raise InputError(
            f"words[{site.name!r}] has {subset.size} values and the tensor {values} "
            f"{tuple(site.shape)}; the mask belongs to another model"
        )
    # A flat mask is in row-major order. Any other shape would choose other values, unnoticed.
    if subset.shape not in (None, (values,), tuple(site.shape)):
        raise InputError(
            f"words[{site.name!r}] has the shape {subset.shape}, the tensor {tuple(site.shape)}; "
            "give a mask of the same shape, or a flat one"
        )
    return subset
