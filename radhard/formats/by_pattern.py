"""Which format has a tensor, where formats are given by pattern?"""

from collections.abc import Mapping
from typing import Any

from radhard.arguments import component_of
from radhard.errors import InputError
from radhard.formats.base import FORMATS, Format
from radhard.globs import matches
from radhard.spec import FrozenDict

__all__ = ["format_for", "formats_of"]


def formats_of(value: Any) -> FrozenDict[str, Format]:
    """Formats by pattern, given so or as one format for all tensors; components or their text.

    Raises:
        InputError: something else, or no pattern at all.

    >>> formats_of("Float16()")
    {'*': Float16()}
    """
    if not isinstance(value, Mapping):
        return FrozenDict({"*": component_of(value, FORMATS, "format")})
    if not value:
        raise InputError("format={} names no format; give {'*': Float32()}, or a format")
    for pattern in value:
        if not isinstance(pattern, str):
            raise InputError(
                f"format: {pattern!r} is no pattern; give text such as 'fc*' for each format"
            )
    return FrozenDict(
        {name: component_of(one, FORMATS, f"format[{name!r}]") for name, one in value.items()}
    )


def format_for(formats: Mapping[str, Format], *names: str) -> Format:
    """The format of a tensor: that of the first pattern which one of ``names`` matches.

    ``names`` are those of the tensor and of its layer.

    Raises:
        InputError: no pattern matches.

    >>> from radhard.formats import Float32, Int
    >>> format_for({"fc*": Int(8), "*": Float32()}, "fc1.weight", "fc1")
    Int(8)
    """
    for pattern, format in formats.items():
        if matches(pattern, *names):
            return format
    raise InputError(
        f"no format is given for {names[0]!r}: it matches none of the patterns "
        f"{', '.join(map(repr, formats))}; add one, such as '*' as the last"
    )
