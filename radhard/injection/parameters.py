"""Are the parameters of a model still the tensors that a fault was put into?"""

import torch
from torch import Tensor, nn

__all__ = ["Parameters"]


class Parameters:
    """The parameters of a model and the memory of each, as they are when this is made.

    A conversion (``model.half()``, ``model.to(device)``) or an assignment gives a parameter other
    memory, into which the fault is copied and out of which nobody takes it.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._named = dict(model.named_parameters(remove_duplicate=False))
        self._memory = {name: p.detach() for name, p in self._named.items() if _is_plain(p)}
        self.replaced: set[str] = set()
        """Names of parameters that were others when `restore` looked."""

    def restore(self) -> None:
        """Give each parameter its memory back; modules that hold another one are `State`'s."""
        now = dict(self._model.named_parameters(remove_duplicate=False))
        for name, parameter in self._named.items():
            if now.get(name) is not parameter:
                self.replaced.add(name)
            memory = self._memory.get(name)
            if memory is not None and not _is_same(parameter, memory):
                self.replaced.add(name)
                parameter.data = memory


def _is_plain(tensor: Tensor) -> bool:
    return (
        type(tensor.data) is Tensor
        and tensor.layout == torch.strided
        and tensor.device.type != "meta"
    )


def _is_same(tensor: Tensor, memory: Tensor) -> bool:
    return (
        _is_plain(tensor)
        and tensor.data_ptr() == memory.data_ptr()
        and tensor.dtype == memory.dtype
        and tensor.shape == memory.shape
        and tensor.stride() == memory.stride()
    )
