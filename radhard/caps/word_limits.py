"""By how much may a word change without a change of a prediction?"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.caps.margin_bound import Loss

__all__ = ["SHRUNK", "WordLimits", "reach", "scales"]

SHRUNK = 1 - 2.0**-20
"""Factor of limits, more than all rounding when they are computed and stored."""

_FIRST, _LAST = -24, 40

_TOGETHER = 8
"""Scales in one pass, at most; later ones are needed only if nothing stops at these."""


@dataclass(frozen=True)
class WordLimits:
    """Displacements of words, for some samples, that certainly change no prediction.

    None of those from ``low`` to ``high`` does, ``(samples, words)`` in float32; ``low`` is at most
    0, ``high`` at least.
    """

    low: Tensor
    high: Tensor


def scales() -> Iterator[Tensor]:
    """Powers of two, a few at a time, ascending.

    The first one is alone: in deep networks many layers lose a margin there already.
    """
    powers = torch.arange(_FIRST, _LAST + 1, dtype=torch.float64).exp2()
    yield powers[:1]
    yield powers[1:_TOGETHER]
    for first in range(_TOGETHER, len(powers), _TOGETHER):
        yield powers[first : first + _TOGETHER]


def reach(loss: Loss, margins: Tensor, slope: Tensor, scale: Tensor) -> Tensor:
    """The largest displacement up to ``scale`` that leaves all margins positive; 0: none is known.

    ``loss`` is that of all displacements up to ``scale`` ``(...)``, besides the ``slope``
    ``(..., classes)``, which a margin loses for each unit of the displacement (at least 0).
    """
    room = margins * SHRUNK - loss.bent
    each = torch.where(room > 0, room / slope, 0.0)
    each = torch.where(margins * SHRUNK > loss.whole, torch.inf, each)
    return torch.minimum(each.amin(-1), scale)
