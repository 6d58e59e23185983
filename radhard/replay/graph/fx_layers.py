"""Which operations, of those that differences can pass, do torch's own layers carry out?"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from radhard.replay.graph.operation_graph import Slot

__all__ = ["fx_layer"]

aten: Any = torch.ops.aten

_Found = tuple[Callable[..., Any] | None, tuple[Any, ...]]


def fx_layer(module: nn.Module, args: tuple[Any, ...], tensors: Mapping[str, Slot]) -> _Found:
    """The operation of a layer in evaluation mode, and its arguments; None for other modules.

    ``tensors`` are the slots of its parameters and buffers.
    """
    if len(args) != 1 or not isinstance(args[0], Slot):
        return None, args
    # By exact type: a subclass may compute anything.
    found = _LAYERS.get(type(module))
    return (None, args) if found is None else found(module, args[0], tensors)


def _convolution(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:
    # Padding of another kind is an operation of its own before the convolution.
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        return None, (value,)
    rest = (module.stride, module.padding, module.dilation, module.groups)
    args = (value, tensors["weight"], tensors.get("bias"), *rest)
    return aten.conv2d.default, args


def _linear(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:  # noqa: ARG001
    return aten.linear.default, (value, tensors["weight"], tensors.get("bias"))


def _norm(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:
    # Without running statistics a norm takes those of the batch, also in evaluation mode.
    if "running_var" not in tensors:
        return None, (value,)
    own = [tensors.get(name) for name in ("weight", "bias", "running_mean", "running_var")]
    return aten.batch_norm.default, (value, *own, False, 0.0, module.eps, False)


def _relu(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:  # noqa: ARG001
    return aten.relu.default, (value,)


def _flat(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:  # noqa: ARG001
    return aten.flatten.using_ints, (value, module.start_dim, module.end_dim)


def _nothing(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:  # noqa: ARG001
    return aten.clone.default, (value,)


def _largest(module: Any, value: Slot, tensors: Mapping[str, Slot]) -> _Found:  # noqa: ARG001
    # Then it returns two tensors.
    if module.return_indices:
        return None, (value,)
    stride = module.stride if module.stride is not None else module.kernel_size
    sizes = [_pair(size) for size in (module.kernel_size, stride, module.padding, module.dilation)]
    return aten.max_pool2d.default, (value, *sizes, module.ceil_mode)


_LAYERS: dict[type[nn.Module], Callable[[Any, Slot, Mapping[str, Slot]], _Found]] = {
    nn.Conv2d: _convolution,
    nn.Linear: _linear,
    nn.BatchNorm1d: _norm,
    nn.BatchNorm2d: _norm,
    nn.ReLU: _relu,
    nn.Flatten: _flat,
    nn.Identity: _nothing,
    nn.Dropout: _nothing,
    nn.MaxPool2d: _largest,
}


def _pair(size: Any) -> list[int]:
    return [size, size] if isinstance(size, int) else list(size)
