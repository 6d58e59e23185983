"""What if a Hamming code in the mantissa protects the exponents of what a model stores?"""

import torch
from torch import nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Float16, Float32, Format
from radhard.formats.protected.in_place_hamming import InPlaceHamming
from radhard.hardenings.base import Hardening
from radhard.hardenings.coding.ecc import Ecc
from radhard.hardenings.coding.protected_tensors import selected_tensors
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
    format is that of the first tensor that the pattern selects whose dtype has one; tensors of
    other dtypes are left out.

    Cost: No memory; values change by at most 2^-17; one read of everything.

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
            InputError: the pattern selects no tensor of a dtype with spare bits of the mantissa.

        >>> HammingInPlace().ecc(nn.Linear(2, 2).bfloat16())
        Ecc(InPlaceHamming(BFloat16()))
        """
        for tensor in selected_tensors(self, self.pattern, model).values():
            if (inner := _FORMATS.get(tensor.dtype)) is not None:
                format = InPlaceHamming(inner, extended=self.extended, sign=self.sign)
                return Ecc(format, self.pattern, self.every)
        raise InputError(
            f"{self!r}: {type(model).__name__} has no tensor of "
            f"{', '.join(str(dtype) for dtype in _FORMATS)} that the pattern "
            "selects; choose Ecc(...) with check bits apart"
        )
