"""What is MobileNetV2 for small images?"""

from collections import OrderedDict
from functools import partial

from torch import Tensor, nn

from radhard.models.convolution import check_classes, convolution
from radhard.models.shipped import seeded

__all__ = ["InvertedResidual", "mobilenetv2"]

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 1),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and first stride of every stage."""


def mobilenetv2(*, classes: int = 100) -> nn.Sequential:
    """MobileNetV2 for 32x32 colour images, 100 classes, 2,352,292 parameters; untrained.

    (Sandler et al., CVPR 2018), in the layout for CIFAR-100 of (Ahmadilivani et al., 2024): 54
    convolutions, of which the first is 1x1 with a border of one pixel, so that maps are 34x34, and
    the last, 1x1 on one pixel, is the classifier. The weights are random, the same ones each time,
    so that its answers mean nothing. Takes ``(samples, 3, height, width)``, gives logits
    ``(samples, classes)``.

    Raises:
        InputError: ``classes`` is not a whole number from 1.

    >>> sum(parameter.numel() for parameter in mobilenetv2().parameters())
    2352292
    """
    check_classes(classes)
    return seeded(partial(_build, classes))


class InvertedResidual(nn.Module):
    """A 1x1 convolution that widens, a 3x3 one for each channel, and a 1x1 one that narrows.

    The input is added where the block keeps its shape (Sandler et al., CVPR 2018).
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.conv1 = convolution(inputs, hidden, 1, 1)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.relu1 = nn.ReLU6()
        self.conv2 = convolution(hidden, hidden, 3, stride, groups=hidden)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.relu2 = nn.ReLU6()
        self.conv3 = convolution(hidden, outputs, 1, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Expand, filter each channel, project, and add the inputs where the shapes agree."""
        wide = self.relu1(self.bn1(self.conv1(inputs)))
        wide = self.relu2(self.bn2(self.conv2(wide)))
        narrow: Tensor = self.bn3(self.conv3(wide))
        return narrow + inputs if self.adds else narrow


def _build(classes: int) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=convolution(3, 32, 1, 1, padding=1), bn1=nn.BatchNorm2d(32), relu1=nn.ReLU6()
    )
    width = 32
    for number, (expansion, outputs, blocks, stride) in enumerate(STAGES, start=1):
        stage = nn.Sequential()
        for block in range(blocks):
            stage.append(InvertedResidual(width, outputs, 1 if block else stride, expansion))
            width = outputs
        layers[f"layer{number}"] = stage
    layers["conv2"] = convolution(width, 1280, 1, 1)
    layers["bn2"] = nn.BatchNorm2d(1280)
    layers["relu2"] = nn.ReLU6()
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["conv3"] = convolution(1280, classes, 1, 1, bias=True)
    layers["flatten"] = nn.Flatten()
    return nn.Sequential(layers)
