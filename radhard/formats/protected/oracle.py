"""What would a perfect protection of one field of a number achieve?"""

import functools

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats.base import Format
from radhard.formats.protected.protected_format import (
    CLEAN,
    CORRECTED,
    Decoding,
    ProtectedFormat,
    StoredBlocks,
)
from radhard.spec import component

__all__ = ["Oracle"]

_WIDEST = 64


@component
class Oracle(ProtectedFormat):
    """A format in which faults in one field have no effect, as if the field were protected ideally.

    It is the upper limit for any protection of the field, not one that could be built: a word is as
    wide as that of the inner format, and its bits can all be faulty, but those of the field are
    read correctly, which is reported as corrected. To make this possible, a code of this format
    contains a second copy of the field, above ``bits``, where no fault model reaches.

    Source: the ideal protection of the sign in "Quantifying the impact of data encoding on DNN
    fault tolerance".

    Raises:
        InputError: a protected ``inner`` format; a field that it does not have; a word and field
            of together more than 64 bits.

    >>> import torch
    >>> from radhard.formats import Fixed
    >>> format = Oracle(Fixed(3, 4))
    >>> format.decode(format.encode(torch.tensor([1.25])) ^ 0b1000_0001)
    tensor([1.3125])
    """

    inner: Format
    field_name: str = "sign"

    def check(self) -> None:
        super().check()
        if self.field_name not in self.inner.fields:
            raise InputError(
                f"{self!r}: {self.inner!r} has no field {self.field_name!r}; "
                f"its fields are {', '.join(self.inner.fields)}"
            )
        _, width = self._place
        if self.inner.bits + width > _WIDEST:
            raise InputError(
                f"{self!r}: a code contains the word and a copy of the field, together "
                f"{self.inner.bits + width} bits; {_WIDEST} is the limit: choose a narrower "
                "field or inner format"
            )

    @property
    def bits(self) -> int:
        """Width of a word: that of the inner format, since the second copy is not stored."""
        return self.inner.bits

    @property
    def _place(self) -> tuple[int, int]:
        """The lowest bit of the field and its width."""
        return _place(self.inner, self.field_name)

    def protect(self, codes: Tensor) -> StoredBlocks:
        low, width = self._place
        copies = codes >> low & ((1 << width) - 1)
        return StoredBlocks(codes | copies << self.inner.bits)

    def recover(self, stored: StoredBlocks) -> Decoding:
        (low, width), bits = self._place, self.inner.bits
        differ = (stored.codes >> low ^ stored.codes >> bits) & ((1 << width) - 1)
        codes = stored.codes & ((1 << bits) - 1)
        flags = torch.full((len(codes),), CLEAN, dtype=torch.int8, device=codes.device)
        wrong = differ.flatten().nonzero().flatten()
        if len(wrong):
            flags[wrong] = CORRECTED
            codes[wrong] ^= differ[wrong] << low
        return Decoding(codes, flags)


@functools.cache
def _place(format: Format, name: str) -> tuple[int, int]:
    bits = [bit for bit in range(format.bits) if format.field(bit) == name]
    # The bits of a field are neighbours.
    return bits[0], len(bits)
