"""Which bits of a word can a fault affect?"""

from typing import TypeVar

from radhard.errors import InputError
from radhard.formats import Format

__all__ = ["Bits", "Fields", "check_selection", "in_words", "selected"]

T = TypeVar("T", int, str)

Bits = int | tuple[int, ...] | None
Fields = str | tuple[str, ...] | None


def check_selection(bits: Bits, field: Fields) -> None:
    """Reject a selection that is invalid for every format.

    Raises:
        InputError: an empty selection, a negative bit, or a duplicate.
    """
    for name, given in (("bits", bits), ("field", field)):
        if given == () or (isinstance(given, tuple) and len(set(given)) < len(given)):
            raise InputError(f"{name}={given!r} is not allowed; name at least one, each once")
    if bits is not None and min(_several(bits)) < 0:
        raise InputError(f"bits={bits!r} is not allowed; bits count from 0, the least significant")


def selected(bits: Bits, field: Fields, format: Format) -> tuple[int, ...]:
    """The bit positions of ``format`` that are among ``bits`` and in ``field``, ascending.

    None allows every one.

    Raises:
        InputError: a bit or a field that the format lacks, or nothing left.

    >>> from radhard.formats import Float16
    >>> selected(None, ("sign", "exponent"), Float16())
    (10, 11, 12, 13, 14, 15)
    """
    chosen = list(range(format.bits))
    if bits is not None:
        if lacking := [bit for bit in _several(bits) if bit not in chosen]:
            raise InputError(
                f"{format!r} has no bit {lacking[0]}; its bits are 0 to {format.bits - 1}"
            )
        chosen = sorted(_several(bits))
    if field is not None:
        if missing := [name for name in _several(field) if name not in format.fields]:
            raise InputError(
                f"{format!r} has no field {missing[0]!r}; its fields are {', '.join(format.fields)}"
            )
        inside = [bit for bit in chosen if format.field(bit) in _several(field)]
        if not inside:
            where = ", ".join(f"bit {bit} is {format.field(bit)}" for bit in chosen)
            raise InputError(f"bits={bits!r} and field={field!r} exclude each other: {where}")
        chosen = inside
    return tuple(chosen)


def in_words(bits: Bits, field: Fields) -> str:
    """A selection as it follows the noun in a sentence; nothing where every bit is allowed.

    >>> in_words(30, None), in_words((0, 1), ("sign", "exponent"))
    (' of bit 30', ' of bits 0, 1 in the sign and exponent')
    """
    text = ""
    if bits is not None:
        positions = _several(bits)
        text += f" of bit{'' if len(positions) == 1 else 's'} " + ", ".join(map(str, positions))
    if field is not None:
        text += " in the " + " and ".join(_several(field))
    return text


def _several(given: T | tuple[T, ...]) -> tuple[T, ...]:
    return given if isinstance(given, tuple) else (given,)
