"""Which random number does a variant stand for?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["DRAWS", "check_draws", "next_draws", "normal_scores", "random_words"]

Numbers = npt.NDArray[np.int64]

DRAWS = 256
"""Variants of a fault model whose faults are drawn: enough for a fault to be one of many, and few
enough to try all of them."""

_ADDED, _FIRST, _SECOND = (
    number - (1 << 64) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
"""The increment and the multipliers of SplitMix64, as int64."""


def check_draws(variants: Tensor, draws: int) -> None:
    """Raise `IndexError` unless there are such variants."""
    if variants.numel() and not (variants.min() >= 0 and variants.max() < draws):
        raise IndexError(f"variants are 0 to {draws - 1}")


def next_draws(variants: Numbers, offsets: Numbers, draws: int) -> Numbers:
    """The variants that follow some by ``offsets`` draws: all different below ``draws``.

    A step is nearly the golden section of 256, so that any few consecutive draws are spread evenly.

    >>> next_draws(np.array([3, 3, 3]), np.array([0, 1, 2]), 256).tolist()
    [3, 160, 61]
    """
    # The number of draws is a power of two, of which an odd step reaches every one.
    return (variants + 157 * offsets) % draws


def random_words(variants: Tensor, bits: int) -> Tensor:
    """The word of each variant, int64, of ``bits`` bits; all words are different.

    The highest 8 bits are the number of the variant and the bits below depend on it, so that the
    words are spread evenly over the range. A word depends on nothing else.

    Raises:
        IndexError: there is no such variant.

    >>> random_words(torch.tensor([0, 1, 2, 3]), 2).tolist()
    [0, 1, 2, 3]
    """
    check_draws(variants, min(DRAWS, 1 << bits))
    below = bits - 8
    if below <= 0:
        return variants.clone()
    # Of 64 bits, half of the words are negative, as codes of that width may be.
    # The number of the variant in front makes all words different, whatever is mixed behind it.
    return variants << below | _mixed(variants) & ((1 << below) - 1)


def normal_scores(variants: Tensor) -> Tensor:
    """The number of each variant, float64: `DRAWS` numbers spread like a standard normal variable.

    They are quantiles in the middle of `DRAWS` equally likely parts, scaled to a standard deviation
    of 1; a variant drawn at random is a draw from that distribution, with a mean of exactly 0.

    Raises:
        IndexError: there is no such variant.

    >>> scores = normal_scores(torch.arange(256))
    >>> round(scores.square().mean().item(), 12), round(scores[255].item(), 2)
    (1.0, 2.89)
    """
    check_draws(variants, DRAWS)
    # On the CPU, as functions may round differently elsewhere.
    middle = (torch.arange(DRAWS, dtype=torch.float64) + 0.5) / DRAWS
    scores = torch.special.ndtri(middle)
    scores = (scores - scores.flip(0)) / 2  # exactly symmetric
    table: Tensor = (scores / scores.square().mean().sqrt()).to(variants.device)
    return table[variants]


def _mixed(x: Tensor) -> Tensor:
    """SplitMix64 (Steele et al., OOPSLA 2014), in integers, so that every device agrees."""
    x = x + _ADDED
    # int64 shifts the sign in; the masks remove it, as SplitMix64 is defined without signs.
    x = (x ^ (x >> 30 & ((1 << 34) - 1))) * _FIRST
    x = (x ^ (x >> 27 & ((1 << 37) - 1))) * _SECOND
    return x ^ (x >> 31 & ((1 << 33) - 1))
