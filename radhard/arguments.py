"""Is an argument of the kind that a verb takes?"""

import functools
import inspect
import math
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from radhard.errors import InputError
from radhard.hints import in_percent
from radhard.spec import Component, Family, near

__all__ = [
    "check_function",
    "check_options",
    "check_path",
    "check_switch",
    "component_of",
    "components_of",
    "named_options",
    "number_in",
    "path_of",
    "seconds",
    "share",
    "whole",
]

C = TypeVar("C", bound=Component)
P = ParamSpec("P")
R = TypeVar("R")

_SHOWN = 60
"""Characters of a value that a message repeats."""


def component_of(value: Any, family: Family[C], name: str) -> C:
    """A component of a family, given as such or as its text.

    Raises:
        InputError: anything else; the message names the argument and what it takes.

    >>> from radhard.formats import FORMATS
    >>> component_of("Fixed(1, 15)", FORMATS, "format")
    Fixed(1, 15)
    """
    if family.has(value):
        return value
    if isinstance(value, str):
        return family.parse(value)
    if isinstance(value, type):
        own = issubclass(value, family.base)
        way_out = f"give an instance, {value.__name__}(...)" if own else ""
        raise InputError(f"{name} is the class {value.__name__}; {way_out or _one_of(family)}")
    raise InputError(f"{name}={shown(value)} is no component of {family.room}; {_one_of(family)}")


def components_of(value: Any, family: Family[C], name: str) -> tuple[C, ...]:
    """One component of a family or several, as a tuple.

    Raises:
        InputError: none at all, or something else among them.
    """
    if isinstance(value, family.base | str | type) or not isinstance(value, Iterable):
        return (component_of(value, family, name),)
    found = tuple(component_of(one, family, name) for one in value)
    if not found:
        raise InputError(f"{name}={shown(value)} holds none; {_one_of(family)}")
    return found


def whole(value: Any, name: str, *, least: int) -> int:
    """A whole number that is not too small.

    Raises:
        InputError: something else, also True and 1.0.
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise InputError(f"{name}={shown(value)} is not allowed; give a whole number from {least}")
    return number


def share(value: Any, name: str) -> float:
    """A number from 0 to 1, also as text as on the command line: ``"1%"``.

    Raises:
        InputError: something else, also NaN.

    >>> share("1%", "margin"), share("0.01", "margin"), share(0.01, "margin")
    (0.01, 0.01, 0.01)
    """
    value = number_in(value, name)
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise InputError(f"{name}={shown(value)} is not allowed; give a number from 0 to 1")
    return number


def number_in(value: Any, name: str) -> Any:
    """The number in a text such as ``"1%"`` or ``"0.01"``; what is no text is returned as it is.

    Raises:
        InputError: another text.
    """
    if not isinstance(value, str):
        return value
    try:
        found = in_percent(value)
        return float(value) if found is None else found
    except ValueError:
        raise InputError(
            f"{name}={shown(value)} is not allowed; give a share such as 0.01 or '1%'"
        ) from None


def named_options(
    elsewhere: Mapping[str, str] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator: an option that the function does not have is answered with the similar ones.

    ``elsewhere``: names that one may expect, such as those of the command line, with what to write.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            check_options(kwargs, function, elsewhere=elsewhere)
            return function(*args, **kwargs)

        return checked

    return decorated


def check_options(
    options: Mapping[str, Any],
    *functions: Callable[..., Any],
    elsewhere: Mapping[str, str] | None = None,
) -> None:
    """Raise `InputError` for an option that none of the functions has.

    The first function is the one that was called, which hands options on to the others;
    ``elsewhere`` as for `named_options`.
    """
    parameters = [one for f in functions for one in inspect.signature(f).parameters.values()]
    known = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD]
    for name in options:
        if name not in known:
            similar = near(name, known) or f"it has {', '.join(dict.fromkeys(known))}"
            answer = (elsewhere or {}).get(name, similar)
            raise InputError(f"{functions[0].__name__} has no option {name!r}: {answer.strip()}")


def seconds(value: Any, name: str) -> float | None:
    """A time above 0, or None.

    Raises:
        InputError: something else, also NaN and infinity.
    """
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(f"{name}={shown(value)} is not allowed; give seconds above 0, or None")
    return number


def check_function(value: Any, name: str) -> None:
    """Raise `InputError` unless an argument can be called."""
    if not callable(value):
        raise InputError(
            f"{name}={shown(value)} is no function; give one of model and batch that returns the "
            "outputs: lambda model, batch: model(batch)[...]"
        )


def check_path(value: Any, name: str) -> None:
    """Raise `InputError` unless an argument is a path, as text or `Path`, or None."""
    if value is not None:
        path_of(value, name)


def path_of(value: Any, name: str) -> Path:
    """A path, given as text or as one.

    Raises:
        InputError: something else, or text that no file system takes.
    """
    if not isinstance(value, str | Path):
        raise InputError(f"{name}={shown(value)} is no path; give text or a pathlib.Path")
    try:
        bad = b"\0" in os.fsencode(value)
    except UnicodeEncodeError:
        bad = True
    if bad:
        raise InputError(f"{name}={shown(str(value))} has characters that no file name can have")
    return Path(value)


def check_switch(value: Any, name: str) -> None:
    """Raise `InputError` unless an argument is True or False; ``"no"`` would count as True."""
    if not isinstance(value, bool):
        raise InputError(f"{name}={shown(value)} is not allowed; give True or False")


def shown(value: Any) -> str:
    """A value in one line of bounded length."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({type(value).__name__})"


def _one_of(family: Family[C]) -> str:
    return f"give one of {', '.join(family.names)}, with its arguments, or the text of one"
