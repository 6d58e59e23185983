"""Which bits of a word does a fault flip?"""

import math

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults.base import FaultModel
from radhard.faults.combinations import combination
from radhard.faults.masks import masks
from radhard.faults.selection import check_selection, in_words, selected
from radhard.formats import Format
from radhard.spec import component

__all__ = ["BitFlip"]


@component
class BitFlip(FaultModel):
    """A transient fault: ``count`` different bits of a word are inverted.

    ``bits`` (position or positions, 0 the least significant) and ``field`` (name or names, such as
    ``"exponent"``) limit which; together they are both conditions. A variant is one choice of
    ``count`` of the remaining bits, numbered by the highest bit of the choice, then the next.

    Raises:
        InputError: a bit or a field that the format lacks, or fewer bits left than ``count``.

    >>> from radhard.formats import Float32
    >>> x, bit = torch.tensor([0.0, 0.5, 1.0, 1.5]), torch.full((4,), 30)
    >>> Float32().decode(BitFlip().corrupt(Float32().encode(x), bit, Float32()))
    tensor([2.0000e+00, 1.7014e+38,        inf,        nan])
    """

    bits: int | tuple[int, ...] | None = None
    field: str | tuple[str, ...] | None = None
    count: int = 1

    def check(self) -> None:
        check_selection(self.bits, self.field)
        if not 1 <= self.count <= 64:
            raise InputError(f"count={self.count!r} is not allowed; flip 1 to 64 bits of a word")

    def variants(self, format: Format) -> int:
        return math.comb(len(self._chosen(format)), self.count)

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        chosen = self._chosen(format)
        if self.count == 1 and 0 <= variant < len(chosen):
            return (chosen[variant],)  # asked for every variant of every region, without tensors
        members = combination(torch.tensor(variant), len(chosen), self.count)
        return tuple(chosen[member] for member in reversed(members.tolist()))

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        chosen = self._chosen(format)
        singles = [(bit,) for bit in chosen]
        variants = variants.to(codes.device)
        if self.count == 1:
            return codes ^ masks(singles, variants)
        # The bits are distinct, so the sum of their masks is their union.
        return codes ^ masks(singles, combination(variants, len(chosen), self.count)).sum(dim=0)

    def noun(self) -> tuple[str, str]:
        chosen = in_words(self.bits, self.field)
        if self.count == 1:
            return "single bit flip", chosen
        return "flip", f" of {self.count} bits of a word" + chosen.replace(" of bit", " among bit")

    def _chosen(self, format: Format) -> tuple[int, ...]:
        chosen = selected(self.bits, self.field, format)
        if len(chosen) < self.count:
            raise InputError(
                f"{self!r} cannot flip {self.count} different bits of {format!r}: "
                f"only {len(chosen)} are selected"
            )
        return chosen
