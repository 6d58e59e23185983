"""How does analogue noise change a word?"""

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults.base import FaultModel, Numbers
from radhard.faults.draws import DRAWS, next_draws, normal_scores
from radhard.formats import E8M0, CheckWord, Format, ProtectedFormat
from radhard.spec import component

__all__ = ["Noise"]


@component
class Noise(FaultModel):
    """Gaussian noise in the value of a word, which is then rounded to the format again.

    ``std`` is its standard deviation, in the unit of the values, or with ``relative=True`` as a
    share of the magnitude of each value. For noise relative to the spread of a tensor, give
    ``std=0.1 * float(weight.std())``: tensors with different spreads have different fault models.

    A word has 256 variants. Variant ``v`` adds ``std`` times the ``v``-th of 256 equally likely
    numbers of the standard normal distribution, in ascending order from -2.9 to 2.9, so that a
    fault drawn at random is a draw from it and the variants of a word together are the whole
    distribution. Infinities and NaN stay as they are.

    Raises:
        InputError: a standard deviation that is not above 0; or a format in which noise has no
            meaning: words with check bits, and words without a sign.

    >>> from radhard.formats import Float32
    >>> codes = Float32().encode(torch.tensor([2.0, 0.0]))
    >>> largest = torch.tensor([255, 255])
    >>> Float32().decode(Noise(0.5).corrupt(codes, largest, Float32()))
    tensor([3.4465, 1.4465])
    >>> Float32().decode(Noise(0.5, relative=True).corrupt(codes, largest, Float32()))
    tensor([4.8929, 0.0000])
    """

    std: float
    relative: bool = False

    def check(self) -> None:
        if not self.std > 0:
            raise InputError(f"{self!r}: std is the standard deviation of the noise; above 0")

    @property
    def by_bit(self) -> bool:
        return False

    def variants(self, format: Format) -> int:
        if isinstance(format, ProtectedFormat | CheckWord):
            raise InputError(
                f"{self!r} changes values, and {format!r} is a word with check bits, which bits "
                "change; take noise with the inner format, or bit flips"
            )
        if isinstance(format, E8M0):
            raise InputError(f"{self!r} may be negative, and a word of {format!r} has no sign")
        return DRAWS

    def fault_bits(self, variant: int, format: Format) -> tuple[int, ...]:
        # For its IndexError, if there is no such variant.
        _ = range(self.variants(format))[variant]
        return tuple(range(format.bits))

    def corrupt(self, codes: Tensor, variants: Tensor, format: Format) -> Tensor:
        values = format.decode(codes).double()
        noise = self.std * normal_scores(variants.to(codes.device))
        noisy = values + (noise * values.abs() if self.relative else noise)
        # What has no place on the number line keeps its bits, which encoding would not.
        moved = values.isfinite() & (noisy != values)
        faulty = format.encode(torch.where(moved, noisy, 0.0))
        return torch.where(moved, faulty, codes)

    def along(self, variants: Numbers, offsets: Numbers, format: Format) -> Numbers:
        return next_draws(variants, offsets, self.variants(format))

    def noun(self) -> tuple[str, str]:
        of = f" of {self.std:g} of its magnitude" if self.relative else f" of {self.std:g}"
        return "word", f" with Gaussian noise{of}"
