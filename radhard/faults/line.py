"""How does a fault of a whole line of memory change its words?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.faults.base import FaultModel, Numbers
from radhard.formats import Format
from radhard.spec import component

__all__ = ["Line"]


@component
class Line(FaultModel):
    """The same fault in ``words`` adjacent words: a cache line, a row of a memory, a channel.

    ``Line(Replace("zero"), 16)`` loses 16 words at a time. Lines are aligned: a tensor (of one
    sample, if each has its own words) begins with a line, line k covers the words from
    ``k * words`` on, in row-major order, and the last line is shorter if the words do not fill it.
    So every word is in exactly one line, and with ``words`` equal to the number of weights of a
    channel each line is a channel. The word of such a fault is the first of its line. All words
    have the same variant, except for faults that are drawn (``Noise``, ``Replace("random")``),
    whose words have different ones.

    Raises:
        InputError: fewer than 2 words, a line of lines, or in a fault space, a tensor with fewer
            words than a line.

    >>> from radhard.faults import BitFlip
    >>> from radhard.formats import Int
    >>> Line(BitFlip(), 16).variants(Int(8)), Line(BitFlip(), 16).span
    (8, 16)
    """

    fault: FaultModel
    words: int

    def check(self) -> None:
        if self.words < 2:
            raise InputError(f"{self!r}: words={self.words} is not allowed; a line has 2 or more")
        if self.fault.span > 1:
            raise InputError(f"{self!r} is a line of lines; give one Line with more words")

    @property
    def span(self) -> int:
        return self.words

    @property
    def by_bit(self) -> bool:
        return self.fault.by_bit

    def variants(self, format: Format) -> int:
        return self.fault.variants(format)

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        return self.fault.fault_bits(variant, format)

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        return self.fault.corrupt(codes, variants, format)

    def along(self, variants: Numbers, offsets: Numbers, format: Format) -> Numbers:
        return self.fault.along(variants, offsets, format)

    def noun(self) -> tuple[str, str]:
        head, tail = self.fault.noun()
        return head, f"{tail} in every word of a line of {self.words}"
