"""What are VGG-11 and VGG-16 for small images?"""

from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from torch import nn

from radhard.models.convolution import check_classes, convolution
from radhard.models.shipped import seeded

__all__ = ["vgg11", "vgg16"]


def vgg11(*, classes: int = 10) -> nn.Sequential:
    """VGG-11 for 32x32 colour images, 10 classes, 9,228,362 parameters; untrained.

    (Simonyan and Zisserman, ICLR 2015), in the layout for CIFAR-10 of (Ahmadilivani et al., 2024):
    a norm behind each convolution, max-pooling behind the second, fourth and sixth, the mean of the
    last 4x4 maps, and one linear layer. The weights are random, the same ones each time, so that
    its answers mean nothing. Its modules are ``conv1``, ``bn1``, ``relu1`` to ``relu8``,
    ``pool1`` to ``pool3``, ``avgpool``, ``flatten`` and ``fc``. Takes ``(samples, 3, height,
    width)``, gives logits ``(samples, classes)``.

    Raises:
        InputError: ``classes`` is not a whole number from 1.

    >>> sum(parameter.numel() for parameter in vgg11().parameters())
    9228362
    """
    check_classes(classes)
    return seeded(partial(_vgg11, classes))


def vgg16(*, classes: int = 100) -> nn.Sequential:
    """VGG-16 for 32x32 colour images, 100 classes, 34,015,396 parameters; untrained.

    (Simonyan and Zisserman, ICLR 2015), in the layout for CIFAR-100 of (Ahmadilivani et al., 2024):
    a norm behind each convolution, which has a bias all the same, five poolings down to one pixel,
    and three linear layers with 4,096 neurons between them. The weights are random, the same ones
    each time, so that its answers mean nothing. Its modules are ``conv1``, ``bn1``, ``relu1`` to
    ``relu13``, ``pool1`` to ``pool5``, ``flatten``, ``fc1``, ``relu14``, ``dropout1`` and so on to
    ``fc3``. Takes ``(samples, 3, 32, 32)``, gives logits ``(samples, classes)``.

    Raises:
        InputError: ``classes`` is not a whole number from 1.

    >>> sum(parameter.numel() for parameter in vgg16().parameters())
    34015396
    """
    check_classes(classes)
    return seeded(partial(_vgg16, classes))


def _vgg11(classes: int) -> nn.Sequential:
    stages = [(64, 128), (256, 256), (512, 512), (512, 512)]
    layers = _features(stages, bias=False)
    # The mean of the last maps takes its place.
    del layers["pool4"]
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(512, classes)
    return nn.Sequential(layers)


def _vgg16(classes: int) -> nn.Sequential:
    stages = [(64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3]
    layers = _features(stages, bias=True)
    layers["flatten"] = nn.Flatten()
    for number, width in enumerate((512, 4096), start=1):
        layers[f"fc{number}"] = nn.Linear(width, 4096)
        layers[f"relu{13 + number}"] = nn.ReLU()
        layers[f"dropout{number}"] = nn.Dropout()
    layers["fc3"] = nn.Linear(4096, classes)
    return nn.Sequential(layers)


def _features(stages: Sequence[Sequence[int]], *, bias: bool) -> OrderedDict[str, nn.Module]:
    """3x3 convolutions with so many channels, and pooling behind each stage."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    number, width = 0, 3
    for stage, channels in enumerate(stages, start=1):
        for outputs in channels:
            number += 1
            layers[f"conv{number}"] = convolution(width, outputs, 3, 1, bias=bias)
            layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
            layers[f"relu{number}"] = nn.ReLU()
            width = outputs
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    return layers
