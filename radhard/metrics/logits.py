"""What do logits say: how sure, in which order?"""

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["rank", "real", "softmax", "two_classes"]


def softmax(logits: Tensor) -> Tensor:
    """Probabilities in float64; an infinite logit counts as the largest number."""
    most = torch.finfo(logits.dtype).max
    return logits.clamp(-most, most).softmax(dim=-1, dtype=torch.float64)


def rank(logits: Tensor, classes: Tensor) -> Tensor:
    """How many classes rank above the given one of each sample; among equals the lowest first."""
    classes = classes.expand(logits.shape[:-1]).unsqueeze(-1)
    own = logits.gather(-1, classes)
    before = torch.arange(logits.shape[-1], device=logits.device) < classes
    return torch.where(before, logits >= own, logits > own).sum(dim=-1)


def two_classes(outputs: Tensor, bare: bool) -> Tensor:
    """``(0, z)`` of single logits ``z``: bare ``(..., samples)``, or else ``(..., samples, 1)``."""
    z = outputs.unsqueeze(-1) if bare else outputs
    return torch.cat((torch.zeros_like(z), z), dim=-1)


def real(outputs: Tensor) -> Tensor:
    """The outputs as floating-point numbers without a gradient."""
    if outputs.is_complex():
        raise InputError("the outputs are complex; give real numbers, such as their magnitudes")
    return outputs.detach() if outputs.is_floating_point() else outputs.detach().double()
