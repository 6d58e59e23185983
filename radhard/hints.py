"""Does a value match a type hint, and how is the hint described?"""

import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

__all__ = ["alternatives", "fits", "in_percent", "in_words", "spaced"]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value matches a type hint; True is not a number, and 1.0 is not an integer.

    >>> fits(3, int | None), fits((1, 2), tuple[int, ...]), fits(True, int), fits(2, Literal[0, 1])
    (True, True, False, False)
    """
    return any(_fits_one(value, one) for one in alternatives(hint))


def in_words(hint: Any) -> str:
    """The type hint in words.

    >>> in_words(int | tuple[int, ...] | None)
    'a whole number or several as (a, b), each a whole number or None'
    """
    parts: list[str] = []
    for one in alternatives(hint):
        origin = typing.get_origin(one)
        if one is type(None):
            parts.append("None")
        elif origin is Literal:
            parts.extend(repr(a) for a in typing.get_args(one))
        elif origin is tuple:
            parts.append(f"several as (a, b), each {in_words(typing.get_args(one)[0])}")
        elif origin is Mapping:
            key, item = map(in_words, typing.get_args(one))
            parts.append(f"a mapping from {key} to {item}")
        else:
            words = {
                "int": "a whole number",
                "float": "a finite number",
                "str": "text",
                "bool": "True or False",
            }
            parts.append(words.get(one.__name__) or _with_article(spaced(one.__name__)))
    return " or ".join(parts)


def spaced(name: str) -> str:
    """The name of a class as separate words.

    >>> spaced("FaultModel")
    'fault model'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def in_percent(text: str) -> float | None:
    """The number that a percentage stands for; None if the text is none.

    >>> in_percent("1%"), in_percent(" 0.5 % "), in_percent("1"), in_percent("a %")
    (0.01, 0.005, None, None)
    """
    number = text.strip()
    if not number.endswith("%"):
        return None
    try:
        # As written: 7 % divided by 100 is 0.07000000000000001.
        return float(Decimal(number.removesuffix("%").strip()) / 100)
    except InvalidOperation:
        return None


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the hint itself."""
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
    if origin is Mapping:
        keys, items = typing.get_args(hint)
        return isinstance(value, Mapping) and all(
            fits(k, keys) and fits(v, items) for k, v in value.items()
        )
    if origin is Callable or hint is Any:
        return True
    if hint is float:
        # Neither NaN nor infinity, for which there are no literals.
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and -sys.float_info.max <= value <= sys.float_info.max
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
