"""Which deviations are safe, or harmful, for all inputs of a class?"""

import torch
from torch import Tensor

from radhard.analyses.deepvigor.thresholds import Thresholds

__all__ = ["merged"]


def merged(
    thresholds: Thresholds, golden: Tensor, classes: int, outliers: float
) -> tuple[Tensor, Tensor]:
    """The limits of every neuron and golden class, ``(neurons, classes)`` each.

    Up to the first, the smallest ``safe`` of the inputs of the class, none of them changes its
    class; from the second, the largest ``unsafe``, all do. Inputs whose class no deviation changes
    are ignored in the second if their share is below ``outliers``. NaN if no input has this golden
    class.

    >>> ends = torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[1.5, 2.5, torch.inf]])
    >>> merged(Thresholds(*ends), torch.tensor([0, 0, 1]), 3, 0.0)
    (tensor([[1., 9., nan]]), tensor([[2.5000,    inf,    nan]]))
    """
    safe = thresholds.safe.new_full((len(thresholds.safe), classes), torch.nan)
    unsafe = safe.clone()
    for answer in sorted(set(golden.tolist())):
        of_class = golden == answer
        safe[:, answer] = thresholds.safe[:, of_class].amin(1)
        ends = thresholds.unsafe[:, of_class]
        # Infinite: the class is kept at every deviation that was tried.
        never = ends.isinf()
        ignored = never & (never.double().mean(1, keepdim=True) < outliers)
        # 0 is no larger than any other end, and never are all inputs ignored.
        unsafe[:, answer] = ends.masked_fill(ignored, 0).amax(1)
    return safe, unsafe
