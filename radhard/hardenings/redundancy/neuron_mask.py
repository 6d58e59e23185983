"""Which elements of a module's output are given neurons?"""

import math

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["NeuronMask"]


class NeuronMask:
    """Some elements of the output of one sample, as a mask that broadcasts over samples.

    It is part of the structure of the network rather than of its parameters, hence no buffer into
    which faults could be injected.
    """

    def __init__(self, shape: tuple[int, ...], elements: tuple[int, ...]) -> None:
        size = math.prod(shape)
        if not all(0 <= element < size for element in elements):
            raise InputError(f"a module with outputs of shape {shape} has no element beyond {size}")
        flat = torch.zeros(size, dtype=torch.bool)
        flat[torch.tensor(elements, dtype=torch.int64)] = True
        self._mask = flat.reshape(1, *shape)

    def on(self, values: Tensor) -> Tensor:
        """The mask, on the device of some values."""
        if self._mask.device != values.device:
            self._mask = self._mask.to(values.device)
        return self._mask
