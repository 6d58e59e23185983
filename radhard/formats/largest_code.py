"""Which word of a format is its largest finite value?"""

import torch

from radhard.formats.base import Format
from radhard.formats.protected.check_word import CheckWord
from radhard.formats.protected.protected_format import ProtectedFormat

__all__ = ["largest_code"]


def largest_code(format: Format) -> int:
    """The word of the largest finite value; it is the same with every scale.

    Of a format that protects several words together, or keeps check bits apart, it is the word of
    the inner format.

    >>> from radhard.formats.plain.posit import Posit
    >>> posit = Posit(32)
    >>> float(posit.decode(torch.tensor(largest_code(posit)))) == 2.0**120
    True
    """
    if isinstance(format, CheckWord):
        return -1 if format.bits == 64 else (1 << format.bits) - 1
    plain = format.inner if isinstance(format, ProtectedFormat) else format
    if plain.has_scale:
        # One number for each value, as `take` leaves it, which every format with a scale accepts.
        plain = plain.scaled([1.0])
    code = plain.encode(torch.tensor([torch.finfo(torch.float64).max], dtype=torch.float64))
    # Formats with infinity round what is beyond their range to it; its word follows the largest.
    if not plain.decode(code).double().isfinite():
        code = code - 1
    if isinstance(format, ProtectedFormat) and format.by_word:
        code = format.protect(code.reshape(1, 1)).codes
    return int(code)
