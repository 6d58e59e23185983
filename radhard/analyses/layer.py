"""Which modules of a model are its layers, and how are their tensors named?"""

from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["WEIGHTED", "Layer", "is_transposed"]

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""Layers whose outputs are sums of products, with one row of the weight per channel."""

_TRANSPOSED = "Conv1D"
"""The linear layer of transformers whose weights are ``(inputs, outputs)``."""


@dataclass(frozen=True)
class Layer:
    """A convolution, linear layer or layer of another class, with its name in the model."""

    name: str
    module: nn.Module
    parameter: str = "weight"
    """The name of its weight in the module."""
    axis: int = 0
    """The axis of the output channels in the weight."""
    multiplies: bool = False
    """Whether a layer of another class was observed to multiply its inputs by its weight."""

    @property
    def channels_last(self) -> bool:
        """Whether the channels are on the last axis of the output; else on the second."""
        if isinstance(self.module, WEIGHTED):
            return isinstance(self.module, nn.Linear)
        return self.stored.ndim == 2

    def by_channel(self, values: Tensor) -> Tensor:
        """The layer's output as ``(samples, channels, positions)``; a view where possible."""
        if self.channels_last:
            # All axes between the samples and the channels are positions.
            return values.reshape(len(values), -1, values.shape[-1]).transpose(1, 2)
        return values.flatten(2)

    @property
    def stored(self) -> Tensor:
        """The weight as stored in the module."""
        weight = getattr(self.module, self.parameter)
        assert isinstance(weight, Tensor)
        return weight

    @property
    def weight(self) -> Tensor:
        """The weight, ``(channels, inputs, ...)``; a view."""
        return self.stored.movedim(self.axis, 0) if self.axis else self.stored

    @property
    def weight_site(self) -> str:
        """The weight's name in campaigns: ``conv1.weight``, or ``weight`` if the layer is the
        model.
        """
        return f"{self.name}.{self.parameter}".removeprefix(".")

    @property
    def output_site(self) -> str:
        """The output's name in campaigns: ``conv1``, or ``(model)`` if the layer is the model."""
        return self.name or "(model)"


def is_transposed(module: nn.Module) -> bool:
    """Whether a module is a ``Conv1D`` of transformers: linear, with weights (inputs, outputs).

    Recognized by its class name and shapes, so that transformers need not be installed.
    """
    weight, bias = module._parameters.get("weight"), module._parameters.get("bias")
    if type(module).__name__ != _TRANSPOSED or weight is None or bias is None or weight.ndim != 2:
        return False
    return bias.shape == weight.shape[1:]
