"""How confident is a model in a prediction, as a differentiable number?"""

from typing import Literal

import torch
from torch import Tensor

__all__ = ["Loss", "loss", "saturated"]

Loss = Literal["per_class", "summed"]
"""The form of DeepVigor's loss: ``"per_class"``, the sum over the other classes j of
``sigmoid(E_golden - E_j)``; ``"summed"``, the sigmoid of the sum of these differences, as printed
in the paper, which saturates as soon as one difference is large."""


def loss(logits: Tensor, golden: Tensor, form: Loss) -> Tensor:
    """DeepVigor's loss of each probe, ``(probes,)``, golden class minus the others.

    ``logits`` is ``(probes, classes)``, ``golden`` the golden predictions ``(probes,)``. With this
    sign, a vanishing gradient means that the golden class dominates, or that the deviation does
    not reach the logits.

    >>> logits, golden = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([0])
    >>> loss(logits, golden, "per_class"), loss(logits, golden, "summed")
    (tensor([1.6119]), tensor([0.9526]))
    """
    differences = _differences(logits, golden)
    if form == "summed":
        return differences.sum(1).sigmoid()
    # The difference of the golden class with itself is 0; its sigmoid, 0.5, is not in the sum.
    return differences.sigmoid().sum(1) - 0.5


def saturated(logits: Tensor, golden: Tensor, form: Loss) -> Tensor:
    """Probes for which the gradient of all sigmoids of the loss is zero.

    >>> saturated(torch.tensor([[2.0, 1.0], [200.0, 1.0]]), torch.tensor([0, 0]), "per_class")
    tensor([False,  True])
    >>> saturated(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), "per_class")
    tensor([], dtype=torch.bool)
    """
    differences = _differences(logits, golden)
    if form == "summed":
        differences = differences.sum(1, keepdim=True)
    else:
        others = torch.ones_like(differences, dtype=torch.bool)
        others.scatter_(1, golden[:, None], False)
        differences = differences[others].reshape(len(golden), differences.shape[1] - 1)
    probabilities = differences.sigmoid()
    # In floating point: a sigmoid that is rounded to 1, or underflows to 0, has a derivative of
    # exactly 0.
    return (probabilities * (1 - probabilities) == 0).all(1)


def _differences(logits: Tensor, golden: Tensor) -> Tensor:
    return logits.gather(1, golden[:, None]) - logits
