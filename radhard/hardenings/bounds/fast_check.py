"""How is it checked at low cost that no value is out of bounds?"""

from torch import Tensor

from radhard.internals import is_tracing

__all__ = ["within"]


def within(values: Tensor, low: Tensor | float, high: Tensor) -> bool:
    """Whether all values are known to be in ``[low, high]``; False if they were not checked.

    Computing the extremes costs a tenth of comparing and writing every value, and usually no value
    is out of bounds. Values are not checked while tracing, since a traced program cannot branch on
    values, nor on a GPU, where the synchronisation costs more than is saved. Limits are of shape
    ``()``, or of the shape of one sample.

    >>> import torch
    >>> within(torch.tensor([0.0, 2.0]), 0.0, torch.tensor(2.0))
    True
    >>> within(torch.tensor([0.0, torch.nan]), 0.0, torch.tensor(2.0))
    False
    """
    # Tensor subclasses are not checked either, since some have no values, such as fake tensors.
    if type(values) is not Tensor or not values.is_cpu or is_tracing():
        return False
    try:
        # The extremes of values with NaN are NaN, which compare as False. Python numbers are
        # compared faster than tensors; in a small network such microseconds dominate the cost.
        if not high.ndim:
            # Both extremes while reading the memory once.
            least, most = values.aminmax()
            bottom = low if isinstance(low, float) else low.item()
            return least.item() >= bottom and most.item() <= high.item()
        if isinstance(low, float):
            # One number for all neurons: the extreme over all values suffices.
            above = values.amin().item() >= low
        else:
            # Bounds by neuron: the extremes over the samples, compared once per neuron.
            above = bool((values.amin(0) >= low).all())
        return above and bool((values.amax(0) <= high).all())
    except (RuntimeError, IndexError):
        # There are no values, or, inside vmap and the like, no common result for all of them.
        return False
