"""How does an upset of adjacent cells change a word?"""

from torch import Tensor

from radhard.errors import InputError
from radhard.faults.base import FaultModel
from radhard.faults.masks import masks
from radhard.formats import Format
from radhard.spec import component

__all__ = ["Burst"]


@component
class Burst(FaultModel):
    """A multiple-bit upset: ``length`` adjacent bits of a word are inverted.

    Variant ``v`` inverts bits ``v`` to ``v + length - 1``.

    Raises:
        InputError: a length below 1 or above the width of the word.

    >>> import torch
    >>> from radhard.formats import Float16
    >>> Burst(3).variants(Float16())
    14
    >>> Burst(3).corrupt(torch.tensor([0]), torch.tensor([2]), Float16())
    tensor([28])
    """

    length: int

    def check(self) -> None:
        if self.length < 1:
            raise InputError(f"{self!r}: length is 1 or more")

    def variants(self, format: Format) -> int:
        if self.length > format.bits:
            raise InputError(f"{self!r} is longer than a word of {format!r}: {format.bits} bits")
        return format.bits - self.length + 1

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        # Indexing a range raises IndexError if there is no such variant.
        return self._span(range(self.variants(format))[variant])

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        spans = [self._span(variant) for variant in range(self.variants(format))]
        return codes ^ masks(spans, variants.to(codes.device))

    def noun(self) -> tuple[str, str]:
        return "burst", f" of {self.length} adjacent bit flips"

    def _span(self, variant: int) -> tuple[int, ...]:
        return tuple(range(variant, variant + self.length))
