"""Which word is chosen from the two words of a split neuron?"""

import torch
from torch import Tensor

__all__ = ["and_corrected", "sign_corrected"]


def and_corrected(first: Tensor, second: Tensor, bits: int) -> Tensor:
    """The lightweight correction unit: both words bit by bit AND, with the top magnitude bit reset.

    For words ``(...,)`` of integers that are not negative and, without faults, below a quarter of
    the range, as halves are: bit ``bits - 2`` is then clear. A bit that a fault sets in one of two
    equal words is masked; one that it clears is lost. Of a negative word in two's complement the
    reset makes another number: see `sign_corrected` (Ahmadilivani et al., AICAS 2023).

    >>> words = torch.tensor([5, 5, 5, -3])
    >>> faulty = torch.tensor([5 + 8, 5 - 128, 5 - 4, -3])
    >>> and_corrected(words, faulty, 8)
    tensor([  5,   5,   1, -67])
    """
    return first & second & ~(1 << (bits - 2))


def sign_corrected(first: Tensor, second: Tensor, bits: int) -> Tensor:
    """The same unit for words of either sign: AND of positive words, OR of negative ones.

    The top magnitude bit of a half equals its sign bit, so that two copies hold the sign four
    times, and the majority is taken; positive if two are set and two clear. Negative words mirror
    positive ones: a bit that a fault clears in one copy is masked, one that it sets is lost, and
    the result is never larger in magnitude than half of the range. Without negative words, and
    with fewer than three flips, the result is that of `and_corrected`. Not from the paper.

    >>> words = torch.tensor([5, -3, -3, -3])
    >>> faulty = torch.tensor([5 - 128, -3 + 128, -3 - 64, -3 - 1])
    >>> sign_corrected(words, faulty, 8)
    tensor([ 5, -3, -3, -3])
    """
    sign, top = 1 << (bits - 1), 1 << (bits - 2)
    set_bits = [word & bit != 0 for word in (first, second) for bit in (sign, top)]
    negative = torch.stack(set_bits).sum(0) > 2
    return (first | second | -top).where(negative, first & second & (top - 1))
