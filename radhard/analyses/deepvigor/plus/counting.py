"""Which share of the errors of every product is critical, given the critical magnitudes?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from radhard.analyses.deepvigor.plus.ladder import sure
from radhard.analyses.deepvigor.plus.search import SearchResult

__all__ = ["Shares", "joined", "search_shares", "shares"]


@dataclass(frozen=True)
class Shares:
    """Shares of critical errors of each product, ``(rows, products)``: bounds and estimate."""

    low: Tensor
    middle: Tensor
    high: Tensor

    @property
    def means(self) -> tuple[Tensor, Tensor, Tensor]:
        """Means over the products, ``(rows,)``."""
        return self.low.mean(1), self.middle.mean(1), self.high.mean(1)

    def mean(self) -> "Shares":
        """The shares with all products treated as one."""
        return Shares(*(each[:, None] for each in self.means))


def shares(
    errors: Tensor, positive: SearchResult, negative: SearchResult, rows: Tensor, *, strict: bool
) -> Shares:
    """Shares by product, if a larger error in the same direction is no less harmful.

    Args:
        errors: ``(rows, products, flips)``.
        positive: the search result for positive errors.
        negative: the search result for negative errors.
        rows: the indices of these rows in the search results.
        strict: as in `ladder`.
    """
    certain = sure(errors, strict=strict)
    share = certain.double().mean(2)
    # Certain errors are counted once, in ``share``; as 0 they count for neither sign.
    moving = errors.double().where(~certain, 0.0)
    low, middle, high = share, share.clone(), share.clone()
    for sign, side in ((1.0, positive), (-1.0, negative)):
        sizes = sign * moving
        critical = side.critical[rows][:, None, None]
        # Without a critical magnitude this compares with NaN, and no error is critical.
        least = (sizes >= critical).double().mean(2)
        # ``safe`` is not negative, so that errors of the other sign and zeros are left out.
        most = (sizes > side.safe[rows][:, None, None]).double().mean(2)
        # As published, undecided errors count as harmless.
        has_critical = ~critical[:, :, 0].isnan() & (side.safe[rows] > 0)[:, None] & strict
        low, high = low + least, high + most
        middle = middle + torch.where(has_critical, (least + most) / 2, least)
    return Shares(low, middle, high)


def search_shares(sure: Tensor, positive: SearchResult, negative: SearchResult) -> Shares:
    """Shares of the errors that were searched, treated as those of one product.

    ``sure`` is the share of errors that are critical by definition, ``(rows,)``.
    """
    sides = (getattr(positive, of) + getattr(negative, of) for of in ("low", "middle", "high"))
    return Shares(*((sure + side)[:, None] for side in sides))


def joined(parts: list[Shares]) -> Shares:
    """The parts concatenated."""
    names = ("low", "middle", "high")
    return Shares(*(torch.cat([getattr(part, name) for part in parts]) for name in names))
