"""How are numbers read from a pickle of arrays without running the pickle?"""

import math
import pickletools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["PickledArray", "read_pickled"]

MARK = object()
NUMBERS = re.compile(r"b1|[iu][1248]|f[248]")

# What an array names in order to be rebuilt. Here they stay names, and nothing is called.
ARRAY = "numpy.core.multiarray _reconstruct"
CLASS = "numpy ndarray"
KIND = "numpy dtype"
BYTES = "_codecs encode"
NO_BYTES = "__builtin__ bytes"
KNOWN = {ARRAY, CLASS, KIND, BYTES, NO_BYTES}

CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = {"BININT", "BININT1", "BININT2", "BINFLOAT", "BINUNICODE", "BINSTRING", "SHORT_BINSTRING"}


@dataclass(frozen=True)
class _Name:
    text: str


@dataclass
class _Kind:
    name: str
    order: str = "="


@dataclass
class PickledArray:
    """An array in a pickle: a shape, and the bytes of its numbers or a list of other things."""

    shape: tuple[int, ...] = ()
    kind: _Kind | None = None
    by_column: bool = False
    content: Any = None

    def numbers(self) -> "np.ndarray[Any, Any]":
        """The array.

        Raises:
            ValueError: it holds something else than numbers, or not as many as its shape says.
        """
        kind, content = self.kind, self.content
        if isinstance(content, str):  # Python 2 knew no difference
            content = content.encode("latin1")
        if kind is None or not NUMBERS.fullmatch(kind.name) or not isinstance(content, bytes):
            raise ValueError("an array that is not of numbers")
        flat = np.frombuffer(content, np.dtype(kind.name).newbyteorder(kind.order))  # type: ignore[arg-type]
        if any(side < 0 for side in self.shape) or len(flat) != math.prod(self.shape):
            raise ValueError(f"an array of {len(flat)} numbers in the shape {self.shape}")
        return flat.reshape(self.shape, order="F" if self.by_column else "C")


def read_pickled(content: bytes) -> Any:
    """What a pickle holds, if that is nothing but plain values, lists, dicts, tuples and arrays.

    The pickle is read as a text is read: no name in it is looked up and nothing is called. Arrays
    come as `PickledArray`.

    Raises:
        ValueError: it holds anything else, or breaks off.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return stack.pop()
            _step(opcode.name, argument, stack, memo)
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a pickle that is broken ({type(error).__name__})") from None
    raise ValueError("a pickle without an end")


def _step(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    if name in CONSTANTS:
        stack.append(CONSTANTS[name])
    elif name in VALUES:
        stack.append(argument)
    elif name in ("BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name == "GLOBAL":
        if argument not in KNOWN:
            raise ValueError(f"a pickle that names {argument!r:.60}")
        stack.append(_Name(argument))
    elif name == "REDUCE":
        arguments = stack.pop()
        stack.append(_made(stack.pop(), arguments))
    elif name == "BUILD":
        state = stack.pop()
        _fill(stack[-1], state)
    elif name != "PROTO":
        _collect(name, stack)


def _collect(name: str, stack: list[Any]) -> None:
    if name == "MARK":
        stack.append(MARK)
    elif name in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE"):
        stack.append({"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}[name]())
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        stack.append(tuple(_last(stack, int(name[-1]))))
    elif name == "TUPLE":
        stack.append(tuple(_marked(stack)))
    elif name in ("APPEND", "APPENDS"):
        items = _last(stack, 1) if name == "APPEND" else _marked(stack)
        list.extend(stack[-1], items)
    elif name in ("SETITEM", "SETITEMS"):
        items = _last(stack, 2) if name == "SETITEM" else _marked(stack)
        if len(items) % 2:
            raise ValueError("a pickle that is broken")
        dict.update(stack[-1], zip(items[::2], items[1::2], strict=True))
    else:
        raise ValueError(f"a pickle with {name}, which plain data does not need")


def _made(function: Any, arguments: Any) -> Any:
    if function == _Name(ARRAY) and arguments[0] == _Name(CLASS):
        return PickledArray()
    if function == _Name(KIND) and isinstance(arguments[0], str):
        return _Kind(arguments[0])
    if function == _Name(BYTES) and arguments[1] == "latin1" and isinstance(arguments[0], str):
        return arguments[0].encode("latin1")
    if function == _Name(NO_BYTES) and arguments == ():
        return b""
    raise ValueError("a pickle that calls something unusual")


def _fill(made: Any, state: Any) -> None:
    if isinstance(made, _Kind) and state[1] in ("<", ">", "|", "="):
        made.order = state[1]
    elif isinstance(made, PickledArray):
        _, shape, kind, by_column, content = state
        if not isinstance(kind, _Kind) or not all(type(side) is int for side in shape):
            raise ValueError("a pickle with an array that cannot be read")
        made.shape, made.kind, made.by_column, made.content = shape, kind, by_column, content
    else:
        raise ValueError("a pickle that builds something unusual")


def _last(stack: list[Any], count: int) -> list[Any]:
    if len(stack) < count:
        raise ValueError("a pickle that is broken")
    items = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return items


def _marked(stack: list[Any]) -> list[Any]:
    items = []
    while (item := stack.pop()) is not MARK:
        items.append(item)
    return items[::-1]
