"""Which modules of a model are its layers, and what are their tensors called?"""

from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["WEIGHTED", "Layer", "is_transposed"]

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""Layers whose outputs are sums of products, one channel a row of the weight."""

_TRANSPOSED = "Conv1D"
"""The class of transformers that is a linear layer with weights ``(inputs, outputs)``."""


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer, or one of another class, by its name in the model."""

    name: str
    module: nn.Module
    parameter: str = "weight"
    """The name of its weight in the module."""
    axis: int = 0
    """The axis of the weight that counts the output channels."""
    multiplies: bool = False
    """Whether a layer of no class of torch's was seen to multiply its inputs by its weight."""

    @property
    def channels_last(self) -> bool:
        """Whether the last axis of the output counts the channels; else the one behind samples."""
        if isinstance(self.module, WEIGHTED):
            return isinstance(self.module, nn.Linear)
        return self.stored.ndim == 2

    def by_channel(self, values: Tensor) -> Tensor:
        """The layer's output as ``(samples, channels, positions)``; a view where possible."""
        if self.channels_last:
            return values.reshape(len(values), -1, values.shape[-1]).transpose(1, 2)
        return values.flatten(2)

    @property
    def stored(self) -> Tensor:
        """The weight as the module holds it."""
        weight = getattr(self.module, self.parameter)
        assert isinstance(weight, Tensor)
        return weight

    @property
    def weight(self) -> Tensor:
        """The weight, ``(channels, inputs, ...)``; a view."""
        return self.stored.movedim(self.axis, 0) if self.axis else self.stored

    @property
    def weight_site(self) -> str:
        """The weight as campaigns name it: ``conv1.weight``, or ``weight`` of a bare layer."""
        return f"{self.name}.{self.parameter}".removeprefix(".")

    @property
    def output_site(self) -> str:
        """The layer's output, as campaigns name it: ``conv1``, or ``(model)`` if bare."""
        return self.name or "(model)"


def is_transposed(module: nn.Module) -> bool:
    """Whether a module is a linear layer as transformers' ``Conv1D``: weights (inputs, outputs).

    Known by its name and its shapes, so that transformers need not be there.
    """
    weight, bias = module._parameters.get("weight"), module._parameters.get("bias")
    if type(module).__name__ != _TRANSPOSED or weight is None or bias is None or weight.ndim != 2:
        return False
    return bias.shape == weight.shape[1:]
