"""How is a floating-point word shortened, so that its lowest bits can hold check bits?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.plain.ieee import BFloat16, Float16, Float32, Float64

__all__ = ["Float", "check_float", "shorten"]

Float = Float64 | Float32 | Float16 | BFloat16
"""The formats with a mantissa that can be shortened."""


def check_float(format: Format, whole: Format) -> Float:
    """``format`` itself, if its words have a mantissa; ``whole`` is the format around it.

    Raises:
        InputError: another format.
    """
    if isinstance(format, Float):
        return format
    raise InputError(
        f"{whole!r} stores check bits in the mantissa, and {format!r} has none to spare; choose "
        "Float32(), Float16() or BFloat16() inside, or SecDed(...), which adds check bits"
    )


def shorten(codes: Tensor, format: Float, spare: int, *, nearest: bool) -> Tensor:
    """Words whose ``spare`` lowest mantissa bits are 0.

    They are rounded to nearest, ties to even, and finite values stay finite; or towards zero. NaN
    stays NaN.

    >>> codes = Float32().encode(torch.tensor([1.5, 3.9999999]))
    >>> Float32().decode(shorten(codes, Float32(), 20, nearest=True))
    tensor([1.5000, 4.0000])
    """
    fraction = format.bits - 1 - format.exponent
    magnitude = codes & ((1 << (format.bits - 1)) - 1)
    infinity = ((1 << format.exponent) - 1) << fraction
    low = (1 << spare) - 1
    cut = magnitude & ~low
    if nearest:
        # The magnitude of a float is monotonic in its word: a carry into the exponent is right.
        up = (magnitude + (low >> 1) + (magnitude >> spare & 1)) & ~low
        cut = torch.where(up < infinity, up, cut)
    # All that is set in a NaN may be among the bits which are lost; infinity would remain.
    cut = torch.where(magnitude > infinity, cut | 1 << (fraction - 1), cut)
    # The first XOR leaves the sign alone.
    return codes ^ magnitude ^ cut
