"""Which blocks do residual networks consist of?"""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from radhard.errors import InputError
from radhard.models.convolution import check_classes, convolution
from radhard.models.shipped import seeded

__all__ = [
    "Block",
    "Projection",
    "Stem",
    "Subsample",
    "projecting",
    "resnet18",
    "resnet34",
    "stage",
]

Stem = Literal["imagenet", "cifar"]
"""How a network begins: 7x7 of stride 2 and pooling for 224x224 images, 3x3 for 32x32 ones."""


class Block(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al., CVPR 2016).

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
        """Two convolutions, plus the inputs or what `downsample` makes of them."""
        residual = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(inputs)))))
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        total: Tensor = self.relu2(residual + shortcut)
        return total


class Subsample(nn.Module):
    """The shortcut without parameters: every other pixel, and channels of zeros (option A)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # Zeros in front of the channels and behind them, as is usual for option A.
        before = (outputs - inputs) // 2
        self.channels = (before, outputs - inputs - before)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(samples, outputs, height / 2, width / 2)`` of ``(samples, inputs, height, width)``."""
        return functional.pad(inputs[:, :, ::2, ::2], (0, 0, 0, 0, *self.channels))


class Projection(nn.Sequential):
    """The shortcut with parameters: a 1x1 convolution of stride 2 and its norm (option B)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(convolution(inputs, outputs, 1, 2), nn.BatchNorm2d(outputs))


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


def projecting(blocks: tuple[int, ...], classes: int | None, stem: Stem) -> nn.Sequential:
    """An untrained network of stages with 64, 128, ... channels and shortcuts with parameters.

    ``classes``: None is 1000 with the stem for ImageNet, 100 with that for CIFAR.

    Raises:
        InputError: ``classes`` is not a whole number from 1, or there is no such stem.
    """
    if stem not in ("imagenet", "cifar"):
        raise InputError(f"stem={stem!r} is not allowed; give 'imagenet' or 'cifar'")
    outputs = {"imagenet": 1000, "cifar": 100}[stem] if classes is None else classes
    check_classes(outputs)
    return seeded(partial(_projecting, blocks, outputs, stem))


def _projecting(blocks: tuple[int, ...], classes: int, stem: Stem) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=convolution(3, 64, 7, 2) if stem == "imagenet" else convolution(3, 64, 3, 1),
        bn1=nn.BatchNorm2d(64),
        relu=nn.ReLU(),
    )
    if stem == "imagenet":
        layers["maxpool"] = nn.MaxPool2d(3, 2, padding=1)
    width = 64
    for number, count in enumerate(blocks):
        outputs = 64 * 2**number
        layers[f"layer{number + 1}"] = stage(width, outputs, count, Projection)
        width = outputs
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(width, classes)
    return nn.Sequential(layers)


def resnet18(*, classes: int | None = None, stem: Stem = "imagenet") -> nn.Sequential:
    """ResNet-18 for 224x224 colour images, 11,689,512 parameters; untrained, to measure speed on.

    (He et al., CVPR 2016), in the layout for ImageNet, or with the stem that is usual for CIFAR:
    one 3x3 convolution and no pooling, so that 32x32 images keep their size at first. The weights
    are random, the same ones each time, so that its answers mean nothing; checkpoints with the
    usual names (``conv1`` to ``fc``, ``layer1.0.conv1``, ``layer2.0.downsample.0``) fit, see
    `radhard.models.load`. Takes ``(samples, 3, height, width)``, gives logits ``(samples,
    classes)``.

    Args:
        classes: outputs; None is 1000, or 100 with the stem for CIFAR.
        stem: ``"imagenet"`` or ``"cifar"``.

    Raises:
        InputError: ``classes`` is not a whole number from 1, or there is no such stem.

    >>> sum(parameter.numel() for parameter in resnet18().parameters())
    11689512
    """
    return projecting((2, 2, 2, 2), classes, stem)


def resnet34(*, classes: int | None = None, stem: Stem = "imagenet") -> nn.Sequential:
    """ResNet-34 for 224x224 colour images, 21,797,672 parameters; untrained, to measure speed on.

    (He et al., CVPR 2016): as `resnet18`, with stages of 3, 4, 6 and 3 blocks. Takes ``(samples, 3,
    height, width)``, gives logits ``(samples, classes)``.

    Args:
        classes: outputs; None is 1000, or 100 with the stem for CIFAR.
        stem: ``"imagenet"`` or ``"cifar"``.

    Raises:
        InputError: ``classes`` is not a whole number from 1, or there is no such stem.

    >>> sum(parameter.numel() for parameter in resnet34().parameters())
    21797672
    """
    return projecting((3, 4, 6, 3), classes, stem)
