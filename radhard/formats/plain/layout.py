"""Which field of a word does a bit belong to?"""

from radhard.errors import InputError

__all__ = ["Layout", "field_at"]

Layout = tuple[tuple[str, int], ...]
"""Name and width in bits of every part of a word, most significant first."""


def field_at(bit: int, layout: Layout) -> str:
    """The name of the part that contains ``bit``; bit 0 is the least significant.

    Raises:
        InputError: the word has no such bit.

    >>> field_at(7, (("sign", 1), ("exponent", 5), ("mantissa", 10)))
    'mantissa'
    """
    below = 0
    for name, width in reversed(layout):
        if below <= bit < below + width:
            return name
        below += width
    raise InputError(f"there is no bit {bit}: the bits of this word are 0 to {below - 1}")
