"""How does every pass begin from the same state?"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from radhard.state.state import State

__all__ = ["Steady", "unwrapped"]

_Forward = Callable[[nn.Module, Any], Tensor]


class Steady:
    """A way to call a model, ``(model, batch) -> outputs``, that keeps the model's state.

    With a ``model``, every pass begins with what that model held when this was made. Without one,
    as for a model that is changed between passes, every pass leaves behind what it found; but for
    passes that record gradients, whose values must stay until these are computed. Parameters are
    not looked at.
    """

    def __init__(self, call: _Forward, model: nn.Module | None = None) -> None:
        self.call = unwrapped(call)
        self._state = None if model is None else State(model, parameters=False)

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        if self._state is not None:
            self._state.restore()
            return self.call(model, batch)
        # Restoring would write into tensors that the backward pass still needs.
        if torch.is_grad_enabled():
            return self.call(model, batch)
        state = State(model, parameters=False)
        try:
            return self.call(model, batch)
        finally:
            state.restore()


def unwrapped(call: _Forward) -> _Forward:
    """The call itself, for those who trace it."""
    return call.call if isinstance(call, Steady) else call
