"""Of which functions of the logits must gradients be known?"""

import torch
from torch import Tensor

from radhard.metrics.outputs import Golden

__all__ = ["leads"]

_NEAREST = 1e-30
"""Margins are not smaller: a tie moves by far more than its margin under any change."""


def leads(outputs: Tensor, golden: Golden, rows: slice, most: int, seed: int) -> list[Tensor]:
    """Leads of the golden answer over rival classes, in units of the golden lead, ``(samples,)``.

    An answer stays as long as all of these stay above 0; without a fault each is 1. ``outputs``
    are those of the samples ``rows``. Of more than ``most`` rivals half as many are taken by
    themselves, those with the smallest leads of each sample; the others are added up with random
    signs, several times: that estimates the root of their sum of squares, which none of them
    exceeds.

    >>> golden = Golden(torch.tensor([[5.0, 1.0, 3.0]]))
    >>> leads(torch.tensor([[5.0, 1.0, 4.0]]), golden, slice(0, 1), 4, seed=0)
    [tensor([0.5000]), tensor([1.])]
    """
    logits = golden.scores(outputs)
    # Copies, as what was made in inference mode has no place in a chain of gradients.
    top, before = golden.top1[rows].clone()[:, None], golden.logits[rows].clone()
    margins = (before.gather(1, top) - before).scatter(1, top, torch.inf)
    nearest = margins.argsort(dim=1)[:, :-1]
    ahead = logits.gather(1, top) - logits.gather(1, nearest)
    ahead = ahead / margins.gather(1, nearest).clamp_min(_NEAREST)
    if ahead.shape[1] <= most:
        return list(ahead.unbind(1))
    alone = most // 2
    chance = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (most - alone, *ahead[:, alone:].shape), generator=chance) * 2 - 1
    mixed = (ahead[:, alone:] * signs.to(ahead)).sum(dim=2)
    return [*ahead[:, :alone].unbind(1), *mixed.unbind(0)]
