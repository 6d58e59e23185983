"""How is the scale of a tensor written to a run file?"""

import base64
import binascii
import math
from typing import Any

import numpy as np

from radhard.errors import InputError

__all__ = ["recorded_scale", "scale_from"]

_FEW = 16
"""Numbers that are written as text."""

_TYPES = ("<f2", "<f4", "<f8")
"""Floating-point types, narrowest first, with the same bytes on every machine."""


def recorded_scale(scale: Any) -> Any:
    """A scale, given as nested lists, as plain values; many numbers as bytes.

    Block formats have a scale for every few values: as text, their numbers would take more than the
    tensor does. They are written in the narrowest floating-point type that holds all of them
    exactly. What is no array of numbers is returned as it is, such as a scale in this form.

    >>> recorded_scale([0.5] * 17)["type"]
    '<f2'
    """
    if not isinstance(scale, list):
        return scale
    try:
        numbers = np.asarray(scale, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return scale
    if numbers.size <= _FEW:
        return scale
    # The last type holds every number, so that the loop always ends with one that does.
    for name in _TYPES:
        # What is too large becomes infinite, and the comparison finds it.
        with np.errstate(all="ignore"):
            narrow = numbers.astype(name)
            back = narrow.astype(np.float64)
        # By their bits: no comparison of numbers tells zeros of different sign, or finds NaN equal.
        if back.tobytes() == numbers.tobytes():
            break
    text = base64.b64encode(narrow.tobytes()).decode("ascii")
    return {"shape": list(numbers.shape), "type": name, "numbers": text}


def scale_from(plain: Any) -> Any:
    """The scale that `recorded_scale` wrote, as an array or as it is.

    Raises:
        InputError: it cannot be read.
    """
    if not isinstance(plain, dict):
        return plain
    try:
        if plain["type"] not in _TYPES:
            raise ValueError("another type")
        shape = [int(size) for size in plain["shape"]]
        numbers = np.frombuffer(base64.b64decode(plain["numbers"], validate=True), plain["type"])
        # The product of two negative sizes may be right, and reshape takes -1 for any size.
        if min(shape, default=0) < 0 or math.prod(shape) != len(numbers):
            raise ValueError("another number of values")
        return numbers.astype(np.float64).reshape(shape)
    except (KeyError, ValueError, TypeError, OverflowError, binascii.Error):
        raise InputError("the run file cannot be read: a scale of a tensor is damaged") from None
