"""What is ResNet-18?"""

from collections import OrderedDict
from functools import partial

from torch import nn

from radhard.errors import InputError
from radhard.models.resnet import Projection, convolution, stage
from radhard.models.shipped import seeded

__all__ = ["resnet18"]


def resnet18(*, classes: int = 1000) -> nn.Sequential:
    """ResNet-18 for 224x224 colour images, 11,689,512 parameters; untrained, to measure speed on.

    (He et al., CVPR 2016), in the layout for ImageNet. The weights are random, the same ones each
    time, so that its answers mean nothing; checkpoints with the usual names (``conv1`` to ``fc``,
    ``layer1.0.conv1``, ``layer2.0.downsample.0``) fit, see `radhard.models.load`. Takes ``(samples,
    3, height, width)``, gives logits ``(samples, classes)``.

    Args:
        classes: outputs.

    Raises:
        InputError: ``classes`` is not a whole number from 1.

    >>> sum(parameter.numel() for parameter in resnet18().parameters())
    11689512
    """
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise InputError(f"classes={classes!r} is not allowed; give a whole number from 1")
    return seeded(partial(_build, classes))


def _build(classes: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=convolution(3, 64, 7, 2),
            bn1=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(3, 2, padding=1),
            layer1=stage(64, 64, 2, Projection),
            layer2=stage(64, 128, 2, Projection),
            layer3=stage(128, 256, 2, Projection),
            layer4=stage(256, 512, 2, Projection),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(512, classes),
        )
    )
