"""For which functions of the logits are gradients needed?"""

import torch
from torch import Tensor

from radhard.metrics.outputs import Golden

__all__ = ["margins"]

_NEAREST = 1e-30
"""Lower limit of a margin: any change of a tie then exceeds its margin by far."""


def margins(outputs: Tensor, golden: Golden, rows: slice, most: int, seed: int) -> list[Tensor]:
    """Margins of the golden prediction over rivals, relative to the golden margins, ``(samples,)``.

    A prediction is unchanged as long as all margins are positive; without a fault each is 1.
    ``outputs`` are those of the samples ``rows``. If there are more than ``most`` rivals, the
    ``most // 2`` with the smallest margins of each sample are used individually. The others are
    summed with random signs, once for each remaining function: the magnitude of the gradient of
    such a sum estimates the root of the sum of squares of their gradients, which none of these
    exceeds.

    >>> golden = Golden(torch.tensor([[5.0, 1.0, 3.0]]))
    >>> margins(torch.tensor([[5.0, 1.0, 4.0]]), golden, slice(0, 1), 4, seed=0)
    [tensor([0.5000]), tensor([1.])]
    """
    logits = golden.scores(outputs)
    # Copies, since autograd cannot save inference tensors.
    top, before = golden.top1[rows].clone()[:, None], golden.logits[rows].clone()
    margins = (before.gather(1, top) - before).scatter(1, top, torch.inf)
    # All classes but the predicted one, whose margin over itself was set to infinity and is last.
    nearest = margins.argsort(dim=1)[:, :-1]
    ahead = logits.gather(1, top) - logits.gather(1, nearest)
    ahead = ahead / margins.gather(1, nearest).clamp_min(_NEAREST)
    if ahead.shape[1] <= most:
        return list(ahead.unbind(1))
    alone = most // 2
    rng = torch.Generator().manual_seed(seed)
    # Drawn from the seed of the campaign, so that a continued run infers the same verdicts.
    signs = torch.randint(0, 2, (most - alone, *ahead[:, alone:].shape), generator=rng) * 2 - 1
    mixed = (ahead[:, alone:] * signs.to(ahead)).sum(dim=2)
    return [*ahead[:, :alone].unbind(1), *mixed.unbind(0)]
