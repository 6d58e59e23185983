"""How are errors spread over magnitudes, on either side of zero?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

__all__ = ["BOUND", "LARGEST", "POWERS", "Grid", "Ladder", "Side", "ladder", "sure"]

Grid = Literal["powers", "adaptive"]

POWERS = tuple(2.0**p for p in range(-10, 11))
"""Candidate vulnerability values, on either side of zero."""

BOUND = POWERS[-1]
"""Errors from here on are critical by definition."""

LARGEST = 2.0**80
"""What is tested in the place of larger errors: far beyond any value, and yet sums of it do not
overflow."""

_BEYOND = (2.0**20, 2.0**40, LARGEST)
_RUNGS = 1024
"""Errors of a group that become candidates of an adaptive grid, at most."""


@dataclass(frozen=True)
class Side:
    """Candidates on one side of zero, for every group of errors.

    ``values``: magnitudes, ascending, ``(groups, candidates)``; infinite where a group has fewer.
    ``tail``: the share of the group's errors that are as large as a candidate or larger (and not
    critical by definition), ``(groups, candidates + 1)``; the last is 0.
    """

    values: Tensor
    tail: Tensor

    def of(self, groups: Tensor) -> "Side":
        """The side of some groups."""
        return Side(self.values[groups], self.tail[groups])


@dataclass(frozen=True)
class Ladder:
    """Where the errors of each group lie: ``sure`` is the share that is critical by definition."""

    sure: Tensor
    positive: Side
    negative: Side

    def of(self, groups: Tensor) -> "Ladder":
        """The ladder of some groups."""
        return Ladder(self.sure[groups], self.positive.of(groups), self.negative.of(groups))


def ladder(errors: Tensor, grid: Grid, *, strict: bool) -> Ladder:
    """The candidates between which an error turns critical.

    Args:
        errors: ``(groups, errors)``.
        grid: ``"powers"``: powers of two from 2^-10, smaller errors being negligible;
            ``"adaptive"``: the errors themselves.
        strict: nothing but what is no finite number is critical by definition; otherwise magnitudes
            from 2^10 on are.

    >>> steps = ladder(torch.tensor([[0.5, 0.6, -4.0, 2000.0]]), "powers", strict=False)
    >>> steps.sure.tolist(), steps.positive.tail[0, 9:11].tolist()
    ([0.25], [0.5, 0.0])
    """
    certain = sure(errors, strict=strict)
    share = certain.double().mean(1)
    moving = errors.where(~certain, 0.0)
    sides = []
    for sign in (1.0, -1.0):
        sizes = (sign * moving).clamp(min=0.0)
        sides.append(_powers(sizes, strict) if grid == "powers" else _own(sizes))
    return Ladder(share, *sides)


def sure(errors: Tensor, *, strict: bool) -> Tensor:
    """Which errors are critical by definition, as in `ladder`."""
    endless = ~errors.isfinite()
    return endless if strict else endless | (errors.abs() >= BOUND)


def _powers(sizes: Tensor, strict: bool) -> Side:
    values = torch.tensor((*POWERS, *_BEYOND) if strict else POWERS[:-1], dtype=torch.float64)
    values = values.to(sizes.device)
    groups, count = len(sizes), len(values)
    levels = torch.bucketize(sizes, values, right=True)
    rows = torch.arange(groups, device=sizes.device)[:, None] * (count + 1)
    counts = torch.bincount((rows + levels).flatten(), minlength=groups * (count + 1))
    counts = counts.reshape(groups, count + 1)[:, 1:]
    tail = counts.flip(1).cumsum(1).flip(1).double() / sizes.shape[1]
    return Side(values.expand(groups, -1), torch.nn.functional.pad(tail, (0, 1)))


def _own(sizes: Tensor) -> Side:
    """The errors themselves, evenly by rank where there are very many."""
    values, total = sizes.sort(1).values, sizes.shape[1]
    step = -(-total // _RUNGS)
    values = values[:, ::step]
    above = torch.arange(total, 0, -step, device=sizes.device, dtype=torch.float64) / total
    nothing = values == 0
    tail = above.expand_as(values)
    # Zeros come first; what is not zero keeps its rank from above.
    count = int((~nothing).sum(1).max()) if len(values) else 0
    order = torch.arange(values.shape[1], device=sizes.device) + nothing.sum(1, keepdim=True)
    inside = order < values.shape[1]
    order = order.clamp(max=max(values.shape[1] - 1, 0))
    values = values.gather(1, order).where(inside, torch.inf)[:, :count]
    tail = tail.gather(1, order).where(inside, 0.0)[:, :count]
    return Side(values, torch.nn.functional.pad(tail, (0, 1)))
