"""Are the parameters of a model still the tensors into which a fault was injected?"""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from radhard.internals import hooks_before

__all__ = ["Parameters"]


class Parameters:
    """The parameters of a model and the memory of each, at the time of construction.

    A conversion (``model.half()``, ``model.to(device)``) or an assignment gives a parameter other
    memory; the fault is copied into it and would never be removed from there.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._named = dict(model.named_parameters(remove_duplicate=False))
        # Views, which keep the memory alive after a parameter has been given another.
        self._memory = {name: p.detach() for name, p in self._named.items() if _is_plain(p)}
        # A parametrization replaces the class of the module; the older weight_norm is a forward
        # pre-hook.
        self._modules = [
            (module, type(module), dict(module._parameters), dict(hooks_before(module)))
            for module in model.modules()
        ]
        # The class of a parametrized module belongs to this module alone; removing a
        # parametrization deletes its property from the class.
        self._kinds = [
            (type(module), _properties(type(module)))
            for module in model.modules()
            if parametrize.is_parametrized(module)
        ]
        self.replaced: set[str] = set()
        """Names of the parameters that `restore` found replaced."""

    def restore(self) -> None:
        """Restore the class of each module and the memory of each parameter.

        Modules that hold another parameter object are restored by `State`.
        """
        for module, kind, own, hooks in self._modules:
            changed = type(module) is not kind
            if changed:
                module.__class__ = kind
            if changed or module._parameters.keys() != own.keys():
                hooks_before(module).clear()
                hooks_before(module).update(hooks)
        for kind, properties in self._kinds:
            for name in _properties(kind).keys() - properties.keys():
                delattr(kind, name)
            for name, value in properties.items():
                if name not in vars(kind):
                    setattr(kind, name, value)
        now = dict(self._model.named_parameters(remove_duplicate=False))
        for name, parameter in self._named.items():
            if now.get(name) is not parameter:
                self.replaced.add(name)
            memory = self._memory.get(name)
            if memory is not None and not _is_same(parameter, memory):
                self.replaced.add(name)
                parameter.data = memory


def _properties(kind: type) -> dict[str, property]:
    return {name: value for name, value in vars(kind).items() if isinstance(value, property)}


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
