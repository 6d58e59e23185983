"""Between which two candidates does each row become critical?"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from radhard.analyses.deepvigor.plus.ladder import Side

__all__ = ["WAYS", "Judge", "Judgements", "SearchResult", "bisect_candidates"]

WAYS = 2
"""Ways of inferring a prediction: to first order, and from other images far out."""


@dataclass(frozen=True)
class Judgements:
    """Whether the prediction changes, ``critical``, and the way in which that was inferred.

    ``way`` is from 0 to `WAYS` - 1, or `WAYS` if it was executed. ``(n,)`` each.
    """

    critical: Tensor
    way: Tensor


Judge = Callable[[Tensor, Tensor], Judgements]
"""A function of rows ``(n,)`` and magnitudes ``(n,)``."""


@dataclass(frozen=True)
class SearchResult:
    """The result of the search for each row: ``(rows,)``.

    ``low`` is the share of errors that are certainly critical, provided that a larger error is
    never less harmful; ``high`` is that of errors that may be critical; ``middle`` is halfway, or
    ``low`` if nothing was found critical, or no candidate harmless. ``safe`` is the largest
    magnitude that was found harmless (0 if none), ``critical`` the smallest that was found critical
    (NaN if none). ``resting``, ``(rows, WAYS)``, is the share of errors that opposite predictions
    would have moved to the other side, summed over the inferred predictions.
    """

    low: Tensor
    high: Tensor
    middle: Tensor
    safe: Tensor
    critical: Tensor
    resting: Tensor


def bisect_candidates(side: Side, judge: Judge, *, tolerance: float) -> SearchResult:
    """Bisect the candidates of all rows in parallel, each until few errors remain undecided.

    A row is finished once the errors between its largest harmless and its smallest critical
    candidate are at most ``tolerance`` of all its errors, or no candidate lies between the two.
    Thus candidates without errors in their vicinity are never tried. The first candidate tried is
    the one that ends the search if it is harmless. If the side has its errors, they are bisected
    next.
    """
    values, tail = side.values.contiguous(), side.tail.contiguous()
    rows, device = torch.arange(len(values), device=values.device), values.device
    low, high = torch.full((len(values),), -1, device=device), side.count.clone()
    # Negated, as searchsorted requires ascending values.
    falling, leaving = -tail, -side.above.contiguous()
    # The last column takes the executed predictions, of which none is in doubt; it is dropped at
    # the end.
    resting = torch.zeros((len(values), WAYS + 1), dtype=tail.dtype, device=device)
    while True:
        least = tail[rows, high]
        open_share = side.above[rows, low + 1] - least
        # No candidate lies below the first one, so that the errors there cannot be decided here.
        open_share = torch.where(low < 0, tail[rows, low + 1] - least, open_share)
        active = ((open_share > tolerance) & (high - low > 1)).nonzero().squeeze(1)
        if not len(active):
            break
        # Nothing critical was found so far: most such rows have nothing critical at all, and one
        # harmless verdict near the top ends the search.
        untouched = high[active] == side.count[active]
        half = (tail[active, low[active] + 1] + least[active]) / 2
        ending = torch.searchsorted(leaving[active], torch.full_like(half, -tolerance)[:, None])
        middle = torch.searchsorted(falling[active], -half[:, None])
        at = torch.where(untouched, ending.squeeze(1), middle.squeeze(1)) - 1
        at = torch.minimum(torch.maximum(at, low[active] + 1), high[active] - 1)
        tried = values[active, at]
        judgements = judge(active, tried)
        bad = judgements.critical
        resting[active, judgements.way] += side.above[active, low[active] + 1] - least[active]
        # Equal candidates have the same verdict.
        first = torch.searchsorted(values[active], tried[:, None]).squeeze(1)
        last = torch.searchsorted(values[active], tried[:, None], right=True).squeeze(1) - 1
        high[active] = torch.where(bad, first, high[active])
        low[active] = torch.where(bad, low[active], torch.minimum(last, side.count[active] - 1))
    # ``high`` may be one past the last candidate.
    padded = torch.nn.functional.pad(values, (0, 1), value=torch.inf)
    safe = torch.where(low < 0, 0.0, padded[rows, low.clamp(min=0)])
    critical = padded[rows, high].where(high < side.count, torch.nan)
    least, most = tail[rows, high], side.above[rows, low + 1]
    between = (high < side.count) & (low >= 0) & side.halfway
    middle = torch.where(between, (least + most) / 2, least)
    result = SearchResult(least, most, middle, safe, critical, resting)
    if side.sizes is not None:
        result = _refined(result, side.sizes, judge, tolerance)
    return replace(result, resting=result.resting[:, :WAYS])


def _refined(coarse: SearchResult, sizes: Tensor, judge: Judge, tolerance: float) -> SearchResult:
    """Bisect the errors, ``(rows, errors)`` ascending, that are neither critical nor harmless."""
    sizes, total = sizes.contiguous(), sizes.shape[1]
    has_critical = ~coarse.critical.isnan()
    safe, critical, resting = coarse.safe.clone(), coarse.critical.clone(), coarse.resting.clone()
    # Errors from ``first`` on are undecided, from ``end`` on critical.
    first = torch.searchsorted(sizes, safe[:, None], right=True).squeeze(1)
    # NaN cannot be searched for; the result is replaced in the next line.
    end = torch.searchsorted(sizes, critical.where(has_critical, 0.0)[:, None]).squeeze(1)
    end = end.where(has_critical, total)
    spare = int(tolerance * total)
    while True:
        active = (end - first > tolerance * total).nonzero().squeeze(1)
        if not len(active):
            break
        # Without anything critical, the error that leaves at most the tolerated share above it is
        # tried first: if it is harmless, the search is over.
        halfway = (first[active] + end[active]) // 2
        at = halfway.where(
            has_critical[active], torch.maximum(end[active] - 1 - spare, first[active])
        )
        tried = sizes[active].gather(1, at[:, None])
        judgements = judge(active, tried.squeeze(1))
        bad = judgements.critical
        resting[active, judgements.way] += (end[active] - first[active]) / total
        start = torch.searchsorted(sizes[active], tried).squeeze(1)
        behind = torch.searchsorted(sizes[active], tried, right=True).squeeze(1)
        end[active] = torch.where(bad, start, end[active])
        first[active] = torch.where(bad, first[active], behind)
        critical[active] = torch.where(bad, tried.squeeze(1), critical[active])
        safe[active] = torch.where(bad, safe[active], tried.squeeze(1))
        has_critical[active] |= bad
    low, high = (total - end).double() / total, (total - first).double() / total
    middle = torch.where(has_critical, (low + high) / 2, low)
    return SearchResult(low, high, middle, safe, critical, resting)
