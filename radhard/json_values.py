"""Which JSON may a file of somebody else hold?"""

import json
import re
from typing import Any

__all__ = ["parse_json"]

_MOST_DIGITS = 40
"""Of a whole number: no seed and no size has more, and a float cannot hold 400."""

_LONG = re.compile(rf"[0-9]{{{_MOST_DIGITS + 1}}}")

_NESTED = (dict, list)

_DEEPEST = 100
"""Lists and objects inside each other; what reads them calls itself at each."""


def parse_json(text: str | bytes) -> Any:
    """The value that a JSON text stands for, if everything that reads it can cope with it.

    Raises:
        ValueError: it is no JSON, a whole number in it has more than 40 digits, or lists and
            objects lie more than 100 deep inside each other.

    >>> parse_json('{"seed": 1}')
    {'seed': 1}
    """
    # To look at every number takes longer than all the rest, and hardly a text has a long one.
    plain = isinstance(text, str) and not _LONG.search(text)
    try:
        value = json.loads(text, parse_int=None if plain else _whole)
    except RecursionError:
        raise _too_deep() from None
    level = [value] if isinstance(value, _NESTED) else []
    for _ in range(_DEEPEST):
        if not level:
            return value
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [v for values in inner for v in values if isinstance(v, _NESTED)]
    raise _too_deep()


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number with {len(text):,} digits; at most {_MOST_DIGITS} are read")
    return int(text)


def _too_deep() -> ValueError:
    return ValueError(f"lists and objects more than {_DEEPEST} deep inside each other")
