"""Which k of n elements does a rank represent?"""

import math

import torch
from torch import Tensor

__all__ = ["combination"]


def combination(ranks: Tensor, n: int, k: int) -> Tensor:
    """The ``ranks``-th choices of ``k`` out of ``range(n)``, as ``(k, *ranks.shape)``, descending.

    Choices are numbered by their largest member, then by the second largest, and so on, which is
    the combinatorial number system: rank = C(c_k, k) + ... + C(c_1, 1). Nothing as large as the
    number of choices is ever built; that number must be below 2**63, as it is for ``n`` up to 66.

    Raises:
        IndexError: a rank for which there is no choice.

    >>> combination(torch.tensor([0, 1, 2, 3]), n=32, k=2).T.tolist()
    [[1, 0], [2, 0], [2, 1], [3, 0]]
    """
    # Without this check, a rank out of range would return another choice.
    if ranks.numel() and not (ranks.min() >= 0 and ranks.max() < math.comb(n, k)):
        raise IndexError(f"choices of {k} out of {n} are 0 to {math.comb(n, k) - 1}")
    members = []
    for size in range(k, 0, -1):
        table = torch.tensor([math.comb(c, size) for c in range(n)], device=ranks.device)
        # The largest c with C(c, size) up to the rank. C(c, size) is 0 below size, so that rank 0
        # leaves the lowest choice: size - 1, ..., 0.
        member = torch.searchsorted(table, ranks.contiguous(), right=True) - 1
        ranks = ranks - table.take(member)
        members.append(member)
    return torch.stack(members)
