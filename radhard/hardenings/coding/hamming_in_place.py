"""What if a Hamming code in the mantissa protects the exponents of what a model stores?"""

import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Float16, Float32, Format
from radhard.formats.protected.in_place_hamming import InPlaceHamming
from radhard.hardenings.base import Hardening
from radhard.hardenings.coding.ecc import Ecc
from radhard.hardenings.draft import Draft
from radhard.hardenings.scrubbing.stored_weights import check_period
from radhard.spec import component

__all__ = ["HammingInPlace"]

_FORMATS: dict[torch.dtype, Format] = {
    torch.float32: Float32(),
    torch.float16: Float16(),
    torch.bfloat16: BFloat16(),
}


@component
class HammingInPlace(Hardening):
    """Corrects the exponents of stored numbers before an inference, without additional memory.

    The check bits are the lowest bits of the mantissa (see `InPlaceHamming`), so that the numbers
    change by at most ``2**-17`` of their value in float32, and the model computes with the numbers
    that contain them. ``extended``: two wrong bits in one code word are detected, and the number
    becomes 0; ``sign``: the sign is protected too. ``pattern`` and ``every`` as for `Ecc`. The
    format is that of the dtype of the first tensor that the pattern selects.

    Source: "Soft Error Resilience Analysis of LSTM Networks" (GLSVLSI 2024).
    """

    extended: bool = False
    sign: bool = False
    pattern: str = "*"
    every: int = 1

    def check(self) -> None:
        check_period(type(self).__name__, self.every)

    def harden(self, draft: Draft) -> None:
        self.ecc(draft.model).harden(draft)

    def ecc(self, model: nn.Module) -> Ecc:
        """The code of a model.

        Raises:
            InputError: no tensor of the model has a dtype with spare bits of the mantissa.

        >>> HammingInPlace().ecc(nn.Linear(2, 2).bfloat16())
        Ecc(InPlaceHamming(BFloat16()))
        """
        # Buffers too, since all that a pattern may select is protected.
        tensors = (*model.parameters(), *model.buffers())
        found = {x.dtype for x in tensors if x.is_floating_point()}
        for dtype, inner in _FORMATS.items():
            if dtype in found:
                format = InPlaceHamming(inner, extended=self.extended, sign=self.sign)
                return Ecc(format, self.pattern, self.every)
        raise InputError(
            f"{self!r}: {type(model).__name__} has no tensor of "
            f"{', '.join(str(dtype) for dtype in _FORMATS)}; choose Ecc(...) with check bits apart"
        )
