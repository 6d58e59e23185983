"""How are numbers read from a pickle of arrays without running the pickle?"""

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PickledArray", "read_pickled"]

NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")

BROKEN = (AttributeError, EOFError, LookupError, OverflowError, TypeError, pickle.UnpicklingError)
"""The exceptions of `pickle` for invalid pickles."""


@dataclass
class _Kind:
    name: str
    order: str = "="

    def __setstate__(self, state: Any) -> None:
        if state[1] not in ("<", ">", "|", "="):
            raise pickle.UnpicklingError("numbers in an unknown order of bytes")
        self.order = state[1]


@dataclass
class PickledArray:
    """An array in a pickle: a shape, and the bytes of its numbers or a list of other things."""

    shape: tuple[int, ...] = ()
    kind: _Kind | None = None
    by_column: bool = False
    content: Any = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_column, content = state
        if not isinstance(kind, _Kind) or not all(type(side) is int for side in shape):
            raise pickle.UnpicklingError("an array that cannot be read")
        self.shape, self.kind, self.by_column, self.content = shape, kind, by_column, content

    def numbers(self) -> "np.ndarray[Any, Any]":
        """The array.

        Raises:
            ValueError: it holds something else than numbers, or not as many as its shape says.
        """
        kind, content = self.kind, self.content
        if isinstance(content, str):  # Python 2 did not distinguish bytes and text
            content = content.encode("latin1")
        if kind is None or not NUMBERS.fullmatch(kind.name) or not isinstance(content, bytes):
            raise ValueError("an array that is not of numbers")
        # The bytes are only looked at: no shape in the file is trusted before it is compared with
        # them.
        flat = np.frombuffer(content, np.dtype(kind.name).newbyteorder(kind.order))  # type: ignore[arg-type]
        if any(side < 0 for side in self.shape) or len(flat) != math.prod(self.shape):
            raise ValueError(f"an array of {len(flat)} numbers in the shape {self.shape}")
        return flat.reshape(self.shape, order="F" if self.by_column else "C")


def read_pickled(content: bytes) -> Any:
    """The contents of a pickle, if these are only plain values, containers and arrays.

    No name in it is looked up: the few that an array needs stand for functions of this file, and
    any other is refused. Arrays come as `PickledArray`.

    Raises:
        ValueError: it holds anything else, or breaks off.
    """
    _check_bounded(content)
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except BROKEN as error:
        raise ValueError(f"a pickle that is broken or holds more than arrays: {error}") from None


def _check_bounded(content: bytes) -> None:
    """See that no number in the pickle makes the reader claim more memory than there are bytes."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "LONG_BINPUT") and int(argument or 0) > len(content):
            raise ValueError(f"a pickle of {len(content)} bytes that holds value {argument}")
        if opcode.name.startswith("EXT"):
            raise ValueError("a pickle that names something by a number")


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _MADE:
            raise ValueError(f"a pickle that names {f'{module} {name}'!r:.60}")
        # A new one each time: a pickle can write to what it has found.
        return _Named(_MADE[module, name])


class _Named:
    """What a pickle finds under a name: can be called, and neither read nor written."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it writes to what it names")


def _array(kind: Any, _shape: Any, _code: Any) -> PickledArray:
    if not isinstance(kind, _Named):
        raise pickle.UnpicklingError("an array of an unknown class")
    return PickledArray()


def _kind(name: Any, *_: Any) -> _Kind:
    if not isinstance(name, str):
        raise pickle.UnpicklingError("an array of unknown numbers")
    return _Kind(name)


def _encoded(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("bytes in an unknown encoding")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


def _uncalled(*_: Any) -> Any:
    raise pickle.UnpicklingError("it calls a class")


_MADE: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy.core.multiarray", "_reconstruct"): _array,
    ("numpy", "ndarray"): _uncalled,
    ("numpy", "dtype"): _kind,
    ("_codecs", "encode"): _encoded,
    ("__builtin__", "bytes"): _no_bytes,
}
"""What takes the place of the functions and classes that an array names in order to be rebuilt."""
