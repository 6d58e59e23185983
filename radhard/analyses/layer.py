"""Which modules of a model are its layers, and what are their tensors called?"""

from dataclasses import dataclass

from torch import Tensor, nn

__all__ = ["WEIGHTED", "Layer"]

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
"""Layers whose outputs are sums of products, one channel a row of the weight."""


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer, by its name in the model."""

    name: str
    module: nn.Module

    def by_channel(self, values: Tensor) -> Tensor:
        """What the layer hands on as ``(samples, channels, positions)``; a view where possible."""
        if isinstance(self.module, nn.Linear):
            return values.reshape(len(values), -1, values.shape[-1]).transpose(1, 2)
        return values.flatten(2)

    @property
    def weight(self) -> Tensor:
        """The weight, ``(channels, inputs, ...)``."""
        weight = self.module.weight
        assert isinstance(weight, Tensor)
        return weight

    @property
    def weight_site(self) -> str:
        """The weight as campaigns name it: ``conv1.weight``, or ``weight`` of a bare layer."""
        return f"{self.name}.weight".removeprefix(".")

    @property
    def output_site(self) -> str:
        """What the layer hands on, as campaigns name it: ``conv1``, or ``(model)`` if bare."""
        return self.name or "(model)"
