"""What are residual networks made of?"""

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Block", "Projection", "Subsample", "convolution", "stage"]


class Block(nn.Module):
    """Two 3x3 convolutions and a way around them (He et al., CVPR 2016).

    The names are those of the usual checkpoints; each ReLU is a module of its own, so that every
    activation can be a target. ``relu2`` sees the sum.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, around: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = convolution(outputs, outputs, 3, 1)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = around
        self.relu2 = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        found = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(inputs)))))
        around = inputs if self.downsample is None else self.downsample(inputs)
        total: Tensor = self.relu2(found + around)
        return total


class Subsample(nn.Module):
    """The way around without parameters: every other pixel, and channels of zeros (option A)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        before = (outputs - inputs) // 2
        self.channels = (before, outputs - inputs - before)

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.pad(inputs[:, :, ::2, ::2], (0, 0, 0, 0, *self.channels))


class Projection(nn.Sequential):
    """The way around with parameters: a 1x1 convolution of stride 2 and its norm (option B)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(convolution(inputs, outputs, 1, 2), nn.BatchNorm2d(outputs))


def convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Conv2d:
    """A convolution before a norm, so without bias, that keeps the variance of what it is given."""
    made = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(made.weight, mode="fan_out", nonlinearity="relu")
    return made


def stage(
    inputs: int, outputs: int, blocks: int, around: Callable[[int, int], nn.Module]
) -> nn.Sequential:
    """Blocks on maps of one size; the first halves it, where the number of channels grows.

    >>> import torch
    >>> stage(4, 8, 2, Subsample)(torch.zeros(1, 4, 6, 6)).shape
    torch.Size([1, 8, 3, 3])
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number in range(blocks):
        grows = number == 0 and outputs != inputs
        layers[str(number)] = Block(
            outputs if number else inputs,
            outputs,
            2 if grows else 1,
            around(inputs, outputs) if grows else None,
        )
    return nn.Sequential(layers)
