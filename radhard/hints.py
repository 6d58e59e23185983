"""Does a value suit a type hint, and how would one say what does?"""

import sys
import types
import typing
from collections.abc import Callable
from typing import Any, Literal

__all__ = ["fits", "in_words"]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is what a type hint asks for; True is no number, 1.0 is no whole number.

    >>> fits(3, int | None), fits((1, 2), tuple[int, ...]), fits(True, int), fits(2, Literal[0, 1])
    (True, True, False, False)
    """
    return any(_fits_one(value, one) for one in _alternatives(hint))


def in_words(hint: Any) -> str:
    """The type hint as a reader would say it.

    >>> in_words(int | tuple[int, ...] | None)
    'a whole number or several as (a, b), each a whole number or None'
    """
    parts: list[str] = []
    for one in _alternatives(hint):
        origin = typing.get_origin(one)
        if one is type(None):
            parts.append("None")
        elif origin is Literal:
            parts.extend(repr(a) for a in typing.get_args(one))
        elif origin is tuple:
            parts.append(f"several as (a, b), each {in_words(typing.get_args(one)[0])}")
        else:
            words = {
                "int": "a whole number",
                "float": "a finite number",
                "str": "text",
                "bool": "True or False",
            }
            parts.append(words.get(one.__name__, one.__name__))
    return " or ".join(parts)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return tuple(typing.get_args(hint))
    return (hint,)


def _fits_one(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if hint is None or hint is type(None):
        return value is None
    if origin is Literal:
        return any(type(value) is type(a) and value == a for a in typing.get_args(hint))
    if origin is tuple:
        items = typing.get_args(hint)[0]
        return isinstance(value, tuple) and all(fits(v, items) for v in value)
    if origin is Callable or hint is Any:
        return True
    if hint is float:
        # Not NaN and not infinite, which no literal names.
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and -sys.float_info.max <= value <= sys.float_info.max
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
