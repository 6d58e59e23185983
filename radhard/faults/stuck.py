"""How does a stuck-at cell change a word?"""

from typing import Literal

from torch import Tensor

from radhard.faults.base import FaultModel
from radhard.faults.masks import masks
from radhard.faults.selection import check_selection, in_words, selected
from radhard.formats import Format
from radhard.spec import component

__all__ = ["StuckAt"]


@component
class StuckAt(FaultModel):
    """A permanent fault: one bit of a word reads as ``value``, whatever was written.

    If the bit already has that value, the fault is masked; it is still a fault of the space.
    ``bits`` (position or positions, 0 the least significant) and ``field`` (name or names, such as
    ``"exponent"``) limit which bit it is; together they are both conditions.

    Raises:
        InputError: a bit or a field that the format lacks, or no bit left.

    >>> import torch
    >>> from radhard.formats import Float32
    >>> codes = Float32().encode(torch.tensor([3.0, -3.0]))
    >>> Float32().decode(StuckAt(1, field="sign").corrupt(codes, torch.tensor([0, 0]), Float32()))
    tensor([-3., -3.])
    """

    value: Literal[0, 1]
    bits: int | tuple[int, ...] | None = None
    field: str | tuple[str, ...] | None = None

    def check(self) -> None:
        check_selection(self.bits, self.field)

    def variants(self, format: Format) -> int:
        return len(selected(self.bits, self.field, format))

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        return (selected(self.bits, self.field, format)[variant],)

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        chosen = selected(self.bits, self.field, format)
        mask = masks([(bit,) for bit in chosen], variants.to(codes.device))
        return codes | mask if self.value else codes & ~mask

    def noun(self) -> tuple[str, str]:
        return "bit", f" stuck at {self.value}{in_words(self.bits, self.field)}"
