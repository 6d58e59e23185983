"""How is a model kept in a fixed state while it is evaluated?"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.utils import parametrize

from radhard.modes import Modes
from radhard.module import eager
from radhard.state import State

__all__ = ["evaluating"]


@contextmanager
def evaluating(model: nn.Module, *, keep: bool = True) -> Iterator[bool]:
    """Every module in evaluation mode while open, put back after; yields whether any was training.

    What passes write in between is put back as well (`State`), bit for bit; not with
    ``keep=False``, for a model that is changed on purpose. So are torch's gradient and inference
    modes, wherever an exception or Ctrl-C came.

    Fused attention kernels that bypass the modules inside a transformer layer are off while open:
    a hook inside such a layer would never be called, and golden and faulty outputs must come from
    the same arithmetic. For the same reason compiled parts run as the Python code they are, and the
    caches of weights that ``autocast`` cast and ``parametrize.cached`` computed are off: a fault in
    the weight would not reach them.
    """
    # Set directly, because exported programs do not support eval() and train().
    was = {module: module.training for module in model.modules()}
    fast = torch.backends.mha.get_fastpath_enabled()
    casts, parametrised = torch.is_autocast_cache_enabled(), parametrize._cache_enabled
    modes = Modes.now()
    state: list[State] = []

    def put_back() -> None:
        modes.restore()
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.set_autocast_cache_enabled(casts)
        parametrize._cache_enabled = parametrised
        torch.clear_autocast_cache()
        try:
            for one in state:
                one.restore(thorough=True)
        finally:
            for module, training in was.items():
                module.training = training

    # Put back twice, for Ctrl-C may come at the very moment of putting back.
    try:
        try:
            for module in was:
                module.training = False
            torch.backends.mha.set_fastpath_enabled(False)
            torch.set_autocast_cache_enabled(False)
            parametrize._cache_enabled = 0
            if keep:
                state.append(State(model))
            with eager():
                yield any(was.values())
        finally:
            put_back()
    finally:
        put_back()
