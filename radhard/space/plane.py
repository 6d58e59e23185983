"""In which arrays of words is a tensor stored?"""

import math
from collections.abc import Iterable

from radhard.errors import InputError
from radhard.formats import Format, ProtectedFormat
from radhard.spec import near
from radhard.targets import Site

__all__ = ["PLANES", "WITH_PLANE", "planes_of", "shape_of", "usual_planes", "word_of"]

PLANES = ("codes", "scale", "check")
"""Names of the arrays of words that a format may have: `Format.planes` lists those it has."""

WITH_PLANE = {
    "codes": "any format",
    "scale": "a format with a scale, such as Int(8)",
    "check": "a format that stores check bits apart, such as SecDed(Int(8), block=8)",
}
"""Which formats have each plane, for messages."""


def word_of(format: Format, plane: str) -> Format:
    """The format of a plane's words: that of the tensor for its codes, another for its scale.

    >>> from radhard.formats import Int
    >>> word_of(Int(8), "codes"), word_of(Int(8), "scale")
    (Int(8), Float32())
    """
    if plane == "check" and isinstance(format, ProtectedFormat):
        return format.check_word
    return format.scale_words() if plane == "scale" else format


def shape_of(site: Site, format: Format, plane: str) -> tuple[int, ...]:
    """The shape of a plane's words (of one sample).

    A scale is one word, or a list of words; check bits are one word per block.
    """
    if plane == "codes":
        return site.shape
    if plane == "check" and isinstance(format, ProtectedFormat):
        # Rounded up: words of zeros complete the last block, which has check bits as well.
        return (-(-math.prod(site.shape) // format.block),)
    scale = format.scale
    if scale is None:
        raise InputError(f"{format!r} has no scale of {site.name!r}; fit it to the tensor first")
    return (scale.numel(),) if scale.ndim else ()


def usual_planes(formats: Iterable[Format]) -> tuple[str, ...]:
    """The planes that faults are injected into by default: codes, and check bits stored apart."""
    names = {name for format in formats for name in format.planes}
    return tuple(name for name in ("codes", "check") if name in names) or ("codes",)


def planes_of(given: str | Iterable[str]) -> tuple[str, ...]:
    """Names of planes, given as one name or several.

    Raises:
        InputError: an unknown name, a name twice, or none.
    """
    if not isinstance(given, Iterable):
        raise InputError(f"planes={given!r} is not allowed; give one or several of {PLANES}")
    found = (given,) if isinstance(given, str) else tuple(given)
    for name in found:
        if name not in PLANES:
            raise InputError(f"planes={given!r}: {near(str(name), list(PLANES))}one of {PLANES}")
    if not found or len(set(found)) < len(found):
        raise InputError(f"planes={given!r}: give each of {PLANES} once at most, and at least one")
    return found
