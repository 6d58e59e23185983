"""Which probabilities and ranks do logits express?"""

from typing import Literal

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["Kind", "are_whole", "rank", "real", "softmax", "two_classes"]

Kind = Literal["logits", "probabilities"]
"""The kind of outputs of a classifier."""


def softmax(logits: Tensor) -> Tensor:
    """Probabilities in float64; an infinite logit counts as the largest finite number."""
    # The softmax subtracts the largest logit, and infinity less infinity is NaN.
    most = torch.finfo(logits.dtype).max
    return logits.clamp(-most, most).softmax(dim=-1, dtype=torch.float64)


def rank(logits: Tensor, classes: Tensor) -> Tensor:
    """Number of classes that rank above the given one of each sample; of equals, lowest first."""
    # gather does not broadcast, and golden classes have no axis of trials.
    classes = classes.expand(logits.shape[:-1]).unsqueeze(-1)
    scores = logits.gather(-1, classes)
    before = torch.arange(logits.shape[-1], device=logits.device) < classes
    # Of equal logits the class with the lower number ranks first, as in argmax.
    return torch.where(before, logits >= scores, logits > scores).sum(dim=-1)


def two_classes(outputs: Tensor, bare: bool, kind: Kind = "logits") -> Tensor:
    """The scores of two classes from one output per sample, that of class 1.

    ``(0, z)`` for a logit ``z``, ``(1 - p, p)`` for a probability ``p``. The outputs are
    ``(..., samples)`` if ``bare``, else ``(..., samples, 1)``.
    """
    positive = outputs.unsqueeze(-1) if bare else outputs
    # The softmax of (0, z) is the sigmoid of z.
    other = torch.zeros_like(positive) if kind == "logits" else 1 - positive
    return torch.cat((other, positive), dim=-1)


def are_whole(outputs: Tensor) -> bool:
    """Whether all outputs are integers, by their type or by their values.

    >>> are_whole(torch.tensor([3, 5])), are_whole(torch.tensor([3.0, 5.0, torch.inf]))
    (True, True)
    """
    if not outputs.is_floating_point():
        return True
    values = outputs.double()
    finite = values[values.isfinite()]
    return bool((finite == finite.round()).all())


def real(outputs: Tensor) -> Tensor:
    """The outputs as floating-point numbers without a gradient."""
    if outputs.is_complex():
        raise InputError(
            "the outputs are complex numbers; use a call= that returns real ones, such as their "
            "magnitudes"
        )
    return outputs.detach() if outputs.is_floating_point() else outputs.detach().double()
