"""How are errors distributed over magnitudes, for either sign?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

__all__ = ["BOUND", "HUGE", "POWERS", "Grid", "Ladder", "Side", "ladder", "sure"]

Grid = Literal["refined", "powers", "adaptive"]

POWERS = tuple(2.0**p for p in range(-10, 11))
"""Candidate vulnerability values, for either sign."""

BOUND = POWERS[-1]
"""Errors from this magnitude on are critical by definition, as published."""

HUGE = 2.0**80
"""Larger errors may overflow in later layers, so that they are tried with their own magnitude."""

_BEYOND = (2.0**20, 2.0**40, HUGE)
_RUNGS = 1024
"""Maximum number of errors of a group that become candidates of an adaptive grid."""


@dataclass(frozen=True)
class Side:
    """Candidates of one sign, for every group of errors.

    ``values``: magnitudes, ascending, ``(groups, candidates)``, of which a group has the first
    ``count``; the others are infinite. ``tail``: the share of the group's errors that are at least
    as large as a candidate (and not critical by definition), ``(groups, candidates + 1)``; the last
    is 0. ``above``, of the same shape: the share of the errors larger than the *previous*
    candidate; the first is the share of nonzero errors. Hence, if candidate ``i`` is the largest
    harmless one and ``j`` the smallest critical one, ``tail[j]`` are certainly critical and
    ``above[i + 1] - tail[j]`` undecided. ``sizes``: the errors, ascending, ``(groups, errors)``, if
    the search continues among the undecided ones.
    """

    values: Tensor
    count: Tensor
    tail: Tensor
    above: Tensor
    sizes: Tensor | None
    halfway: bool
    """Whether half of the undecided errors count as critical; as published, none does."""

    def of(self, groups: Tensor) -> "Side":
        """The side of some groups."""
        sizes = None if self.sizes is None else self.sizes[groups]
        values, count, tail = self.values[groups], self.count[groups], self.tail[groups]
        return Side(values, count, tail, self.above[groups], sizes, self.halfway)


@dataclass(frozen=True)
class Ladder:
    """The errors of each group by magnitude; ``sure``: the share that is critical by definition."""

    sure: Tensor
    positive: Side
    negative: Side

    def of(self, groups: Tensor) -> "Ladder":
        """The ladder of some groups."""
        return Ladder(self.sure[groups], self.positive.of(groups), self.negative.of(groups))


def ladder(errors: Tensor, grid: Grid, *, strict: bool) -> Ladder:
    """The candidates between which an error becomes critical.

    Args:
        errors: ``(groups, errors)``.
        grid: ``"powers"``: powers of two from 2^-10; ``"refined"``: these, and then the errors that
            remain undecided; ``"adaptive"``: the errors themselves.
        strict: only NaN is critical by definition; otherwise magnitudes from 2^10 on are too.

    >>> steps = ladder(torch.tensor([[0.5, 0.6, -4.0, 2000.0]]), "powers", strict=False)
    >>> steps.sure.tolist(), steps.positive.tail[0, 9:11].tolist()
    ([0.25], [0.5, 0.0])
    """
    certain = sure(errors, strict=strict)
    share = certain.double().mean(1)
    moving = errors.where(~certain, 0.0)
    sides = []
    for sign in (1.0, -1.0):
        # Errors of the other sign become 0 and stay in the row, so that shares are of all errors.
        sizes = (sign * moving).clamp(min=0.0).double().sort(1).values
        sides.append(_own(sizes) if grid == "adaptive" else _powers(sizes, grid, strict))
    return Ladder(share, *sides)


def sure(errors: Tensor, *, strict: bool) -> Tensor:
    """Which errors are critical by definition, as in `ladder`."""
    none = errors.isnan()
    # NaN compares false and is named on its own.
    return none if strict else none | (errors.abs() >= BOUND)


def _powers(sizes: Tensor, grid: Grid, strict: bool) -> Side:
    # Unless strict, errors from the last power on are critical by definition and need no candidate.
    fixed = (*POWERS, *_BEYOND) if strict else POWERS[:-1]
    base = torch.tensor(fixed, dtype=torch.float64, device=sizes.device)
    values, count = base.expand(len(sizes), -1), torch.full_like(sizes[:, 0], len(base)).long()
    if strict:
        # Beyond the last power every row has its own last candidate, its largest error.
        largest, largest_count = _largest(sizes, (sizes > HUGE).sum(1).clamp(max=1), 1)
        values, count = torch.cat([values, largest], 1), count + largest_count
    return _counted(sizes, values, count, refine=grid == "refined", halfway=strict)


def _own(sizes: Tensor) -> Side:
    """The errors themselves; if there are very many, evenly spaced by rank."""
    values, count = _largest(sizes, (sizes > 0).sum(1), _RUNGS)
    return _counted(sizes, values, count, refine=sizes.shape[1] > _RUNGS, halfway=True)


def _largest(sizes: Tensor, number: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """At most ``most`` of the ``number`` largest of each row, evenly by rank, with the largest.

    Ascending and padded with infinity; and their number.
    """
    total = sizes.shape[1]
    width = min(most, int(number.max())) if sizes.numel() else 0
    count = number.clamp(max=width)
    order = torch.arange(width, device=sizes.device)
    # Ranks from 0 to number - 1 in equal steps, so that the largest error is always a candidate: an
    # error beyond the last candidate could never be decided.
    share = order / (count[:, None] - 1).clamp(min=1)
    rank = (share * (number[:, None] - 1)).round().long()
    rank = rank.where(count[:, None] > 1, number[:, None] - 1)
    # The ``number`` largest are at the end of each ascending row.
    values = sizes.gather(1, (total - number[:, None] + rank).clamp(min=0, max=total - 1))
    return values.where(order < count[:, None], torch.inf), count


def _counted(sizes: Tensor, values: Tensor, count: Tensor, *, refine: bool, halfway: bool) -> Side:
    """The candidates with the shares of errors beyond them; ``sizes`` are ascending."""
    total, values = sizes.shape[1], values.contiguous()
    inside = torch.arange(values.shape[1], device=sizes.device) < count[:, None]
    # Sizes are ascending, so the insertion point is the number of smaller errors, and the rest are
    # at least as large (with right=True: larger). Padding is beyond all errors and counts none.
    reach = (total - torch.searchsorted(sizes, values)).where(inside, 0).double() / total
    beyond = (total - torch.searchsorted(sizes, values, right=True)).where(inside, 0)
    nonzero = (sizes > 0).sum(1, keepdim=True)
    above = torch.cat([nonzero, beyond], 1).double() / total
    tail = torch.nn.functional.pad(reach, (0, 1))
    return Side(values, count, tail, above, sizes if refine else None, halfway)
