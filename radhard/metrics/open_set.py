"""How similar are logits to those of samples from the training distribution?"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from radhard.metrics.logits import softmax

__all__ = ["SCORES", "OpenSetScore", "open_set_score"]

OpenSetScore = Literal["max_softmax", "max_logit", "entropy", "energy", "margin"]


def open_set_score(logits: Tensor, score: OpenSetScore) -> Tensor:
    """The score of every sample, higher for known samples: ``(..., classes)`` to ``(...)``.

    ``"max_softmax"``: the probability of the top class (Hendrycks and Gimpel, ICLR 2017);
    ``"max_logit"``: its logit; ``"entropy"``: the negative entropy of the probabilities;
    ``"energy"``: ``log(sum(exp(logits)))`` (Liu et al., NeurIPS 2020); ``"margin"``: the difference
    of the two largest probabilities. In float64; infinite logits count as the largest finite number
    of their type, and the score is NaN if a logit is NaN.

    >>> logits = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    >>> open_set_score(logits, "max_softmax")
    tensor([0.5000, 0.8808], dtype=torch.float64)
    >>> open_set_score(logits, "energy")
    tensor([0.6931, 2.1269], dtype=torch.float64)
    """
    return SCORES[score](logits)


def _max_softmax(logits: Tensor) -> Tensor:
    return softmax(logits).amax(-1)


def _max_logit(logits: Tensor) -> Tensor:
    return _finite(logits).amax(-1)


def _entropy(logits: Tensor) -> Tensor:
    p = softmax(logits)
    # 0 * log(0) is NaN, xlogy(0, 0) is 0.
    entropy: Tensor = -torch.special.xlogy(p, p).sum(-1)
    return -entropy


def _energy(logits: Tensor) -> Tensor:
    return _finite(logits).logsumexp(-1)


def _margin(logits: Tensor) -> Tensor:
    first, second = softmax(logits).topk(2, dim=-1).values.unbind(-1)
    # If one probability is NaN, all are, so that topk does not hide it.
    return first - second


def _finite(logits: Tensor) -> Tensor:
    most = torch.finfo(logits.dtype).max
    return logits.clamp(-most, most).double()


SCORES: dict[OpenSetScore, Callable[[Tensor], Tensor]] = {
    "max_softmax": _max_softmax,
    "max_logit": _max_logit,
    "entropy": _entropy,
    "energy": _energy,
    "margin": _margin,
}
"""The scores by name."""
