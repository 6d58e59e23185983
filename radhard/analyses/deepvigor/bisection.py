"""Which deviation is tried next, between one that is safe and one that is not?"""

import torch
from torch import Tensor

__all__ = ["between"]


def between(
    safe: Tensor, unsafe: Tensor, good: Tensor, bad: Tensor, first: Tensor, step: int, width: float
) -> Tensor:
    """A deviation strictly inside every bracket, ``(brackets,)``, chosen to need few steps.

    The ITP method (Oliveira and Takahashi, ACM TOMS 2020): a straight line through the margins at
    both ends estimates where the class changes; the estimate is moved slightly towards the middle,
    so that both ends move; its distance from the middle is limited, so that at most one step more
    is needed than with bisection. If a margin is not finite, the middle.

    Args:
        safe: the end at which the class is kept.
        unsafe: the end at which it is not; larger.
        good: the margin of the golden class at ``safe``.
        bad: the margin at ``unsafe``.
        first: the width of each bracket before the first step.
        step: the number of steps taken so far.
        width: the width at which a bracket is narrow enough.

    >>> ends = [torch.tensor([value]) for value in (0.0, 8.0, 1.0, -3.0, 8.0)]
    >>> between(*ends, step=0, width=0.5)
    tensor([3.6000])
    """
    wide = unsafe - safe
    middle = safe + wide / 2
    # The steps that bisection needs, and one more: the budget from which ``free`` follows.
    most = (first / width).log2().ceil().clamp(min=0) + 1
    free = width / 2 * 2.0 ** (most - step) - wide / 2
    # ``good`` is never negative and ``bad`` never positive, so the quotient is from 0 to 1, or NaN
    # if both are 0.
    line = safe + wide * (good / (good - bad))
    towards = torch.sign(middle - line)
    # The minimum keeps both ends moving where the rounding of the margins hides their difference.
    nudge = (0.2 / first * wide**2).clamp(min=width / 4)
    nudged = torch.where(nudge <= (middle - line).abs(), line + towards * nudge, middle)
    # Steps that were better than halving leave more room around the middle for the next ones.
    near = (nudged - middle).abs() <= free
    chosen = torch.where(near, nudged, middle - towards * free.clamp(min=0))
    finite = good.isfinite() & bad.isfinite() & chosen.isfinite()
    inside = (chosen > safe) & (chosen < unsafe)
    # An end itself was tried already, and rounding may lead there: it would not narrow the bracket.
    return torch.where(finite & inside, chosen, middle)
