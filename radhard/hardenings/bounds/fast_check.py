"""Can it be told at little cost that nothing is out of bounds?"""

import torch
from torch import Tensor

from radhard.internals import is_recording

__all__ = ["within"]


def within(values: Tensor, low: Tensor | float, high: Tensor) -> bool:
    """Whether every value is known to lie in ``[low, high]``; False where nobody looked.

    Looking for the extremes costs a tenth of comparing and writing every value, and mostly nothing
    is out of bounds. But what is traced has to take one way for all values, and asking a GPU costs
    more than it saves. Limits are of shape ``()``, or that of one sample.

    >>> within(torch.tensor([0.0, 2.0]), 0.0, torch.tensor(2.0))
    True
    >>> within(torch.tensor([0.0, torch.nan]), 0.0, torch.tensor(2.0))
    False
    """
    # Also a tensor of another kind is left alone: it may stand for values that are not there.
    if type(values) is not Tensor or not values.is_cpu or _traced():
        return False
    try:
        # Where there is a NaN it is the extreme, and False comes of comparing it. Plain numbers are
        # compared faster than tensors: in a small network such microseconds are what this costs.
        if not high.ndim:
            # Both ends in one reading of memory.
            least, most = values.aminmax()
            bottom = low if isinstance(low, float) else low.item()
            return least.item() >= bottom and most.item() <= high.item()
        if isinstance(low, float):
            above = values.amin().item() >= low
        else:
            # Bounds by neuron: the extremes over the samples, compared once per neuron.
            above = bool((values.amin(0) >= low).all())
        return above and bool((values.amax(0) <= high).all())
    except (RuntimeError, IndexError):
        # No values at all, or, inside vmap and the like, many that have no answer in common.
        return False


def _traced() -> bool:
    return torch.compiler.is_compiling() or is_recording()
