"""Between which two candidates does each row turn critical?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.analyses.deepvigor.plus.ladder import Side

__all__ = ["WAYS", "Judge", "Judged", "Settled", "settled"]

WAYS = 2
"""Ways of inferring an answer: to first order, and as that of other images far out."""


@dataclass(frozen=True)
class Judged:
    """Whether the answer is another one, ``critical``, and the way in which that was inferred.

    ``way`` is from 0 to `WAYS` - 1, or `WAYS` where a pass has told. ``(n,)`` each.
    """

    critical: Tensor
    way: Tensor


Judge = Callable[[Tensor, Tensor], Judged]
"""Of rows ``(n,)`` and magnitudes ``(n,)``."""


@dataclass(frozen=True)
class Settled:
    """What the search found for each row: ``(rows,)``.

    ``low`` is the share of errors that are surely critical, as far as a larger error is never less
    harmful; ``high`` that of those that may be; ``middle`` is halfway, or ``low`` where
    nothing was found critical. ``safe`` is the largest magnitude that was found
    harmless (0 if none), ``critical`` the smallest that was found critical (infinite if none).
    ``resting``, ``(rows, WAYS)``, is the share of errors that other answers would have moved to the
    other side, summed over the answers that were inferred.
    """

    low: Tensor
    high: Tensor
    middle: Tensor
    safe: Tensor
    critical: Tensor
    resting: Tensor


def settled(side: Side, judge: Judge, *, tolerance: float) -> Settled:
    """Bisect the candidates of all rows in step, each until what lies between hardly matters.

    A row is done as soon as the errors between its largest harmless and its smallest critical
    candidate are ``tolerance`` of all its errors or fewer. So candidates that no error comes near
    are never tried. First comes the candidate that ends the search if it turns out harmless.
    """
    values, tail = side.values.contiguous(), side.tail.contiguous()
    rows, device = torch.arange(len(values), device=values.device), values.device
    count = values.isfinite().sum(1)
    low = torch.full((len(values),), -1, device=device)
    high = count.clone()
    falling = -tail
    resting = torch.zeros((len(values), WAYS + 1), dtype=tail.dtype, device=device)
    while True:
        above = tail[rows, high]
        left = tail[rows, low + 1] - above
        some = ((left > tolerance) & (high - low > 1)).nonzero().squeeze(1)
        if not len(some):
            break
        untouched = high[some] == count[some]
        room = above[some] + torch.where(untouched, tolerance, left[some] / 2)
        at = torch.searchsorted(falling[some], -room[:, None]).squeeze(1) - 1
        at = torch.minimum(torch.maximum(at, low[some] + 1), high[some] - 1)
        tried = values[some, at]
        judged = judge(some, tried)
        bad = judged.critical
        resting[some, judged.way] += left[some]
        # Equal candidates are settled together.
        first = torch.searchsorted(values[some], tried[:, None]).squeeze(1)
        last = torch.searchsorted(values[some], tried[:, None], right=True).squeeze(1) - 1
        high[some] = torch.where(bad, first, high[some])
        low[some] = torch.where(bad, low[some], torch.minimum(last, count[some] - 1))
    padded = torch.nn.functional.pad(values, (0, 1), value=torch.inf)
    safe = torch.where(low < 0, 0.0, padded[rows, low.clamp(min=0)])
    critical = padded[rows, high].where(high < count, torch.inf)
    least, most = tail[rows, high], tail[rows, low + 1]
    middle = torch.where(high < count, (least + most) / 2, least)
    return Settled(least, most, middle, safe, critical, resting[:, :WAYS])
