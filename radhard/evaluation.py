"""How is a model held still while it is looked at?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from radhard.module import eager

__all__ = ["evaluating"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[bool]:
    """Every module in evaluation mode while open, put back after; yields whether any was training.

    Fused attention kernels that bypass the modules inside a transformer layer are off while open:
    a hook inside such a layer would never be called, and golden and faulty outputs must come from
    the same arithmetic. For the same reason compiled parts run as the Python code they are.
    """
    # Set by hand, because exported programs refuse eval() and train().
    was = {module: module.training for module in model.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        for module in was:
            module.training = False
        torch.backends.mha.set_fastpath_enabled(False)
        with eager():
            yield any(was.values())
    finally:
        for module, training in was.items():
            module.training = training
        torch.backends.mha.set_fastpath_enabled(fast)
