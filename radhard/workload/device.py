"""On which device is a model?"""

from itertools import chain

import torch
from torch import nn

__all__ = ["device_of"]


def device_of(model: nn.Module) -> torch.device | None:
    """The device of a model's first parameter or buffer; None if it has neither.

    >>> device_of(nn.Linear(2, 2)), device_of(nn.ReLU())
    (device(type='cpu'), None)
    """
    return next((t.device for t in chain(model.parameters(), model.buffers())), None)
