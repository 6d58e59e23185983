"""How is a signed integer represented in a word?"""

from torch import Tensor

__all__ = ["from_words", "to_words"]


def to_words(integers: Tensor, bits: int) -> Tensor:
    """Zero-extended words of signed integers that fit into ``bits`` bits.

    >>> import torch
    >>> to_words(torch.tensor([-1, 5]), 8)
    tensor([255,   5])
    """
    return integers & ((1 << bits) - 1)


def from_words(words: Tensor, bits: int) -> Tensor:
    """Signed integers represented by zero-extended words.

    >>> import torch
    >>> from_words(torch.tensor([255, 5]), 8)
    tensor([-1,  5])
    """
    sign = 1 << (bits - 1)
    # Inverting the sign bit gives the distance from the lowest number, -sign.
    return (words ^ sign) - sign
