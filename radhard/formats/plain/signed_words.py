"""How is a number of steps with a sign represented in a word?"""

from typing import Literal

import torch
from torch import Tensor

from radhard.formats.plain.twos_complement import from_words, to_words

__all__ = ["SignedCode", "lowest_step", "signed_steps", "signed_words"]

SignedCode = Literal["twos_complement", "sign_magnitude"]
"""How negative numbers are represented.

In sign-magnitude, the most significant bit is the sign and the other bits are the magnitude, so
that the range is symmetric and zero has two words.
"""


def lowest_step(bits: int, code: SignedCode) -> int:
    """The lowest number that a word represents.

    >>> lowest_step(8, "twos_complement"), lowest_step(8, "sign_magnitude")
    (-128, -127)
    """
    return -(1 << (bits - 1)) + (code == "sign_magnitude")


def signed_words(steps: Tensor, bits: int, code: SignedCode) -> Tensor:
    """Words (int64) of whole numbers, given as float64; those beyond the range become its ends.

    >>> steps = torch.tensor([-3.0, 5.0, -0.0, 1e9, -torch.inf], dtype=torch.float64)
    >>> signed_words(steps, 4, "sign_magnitude")
    tensor([11,  5,  8,  7, 15])
    >>> signed_words(steps, 4, "twos_complement")
    tensor([13,  5,  0,  7,  8])
    """
    largest = (1 << (bits - 1)) - 1
    # Clamped as float64 before the conversion: infinities and values beyond int64 would convert to
    # an undefined integer.
    if code == "twos_complement":
        return to_words(steps.clamp(lowest_step(bits, code), largest).to(torch.int64), bits)
    # Negative zero keeps its sign, and so its word.
    sign = steps.signbit().to(torch.int64) << (bits - 1)
    return steps.abs().clamp(max=largest).to(torch.int64) | sign


def signed_steps(words: Tensor, bits: int, code: SignedCode, dtype: torch.dtype) -> Tensor:
    """The numbers that words represent, in a floating-point dtype that holds ``bits`` digits.

    >>> signed_steps(torch.tensor([11, 5, 8]), 4, "sign_magnitude", torch.float32)
    tensor([-3.,  5., -0.])
    >>> signed_steps(torch.tensor([11, 5, 8]), 4, "twos_complement", torch.float32)
    tensor([-5.,  5., -8.])
    """
    if code == "twos_complement":
        return from_words(words, bits).to(dtype)
    magnitude = (words & ((1 << (bits - 1)) - 1)).to(dtype)
    return torch.where(words >> (bits - 1) & 1 == 1, -magnitude, magnitude)
