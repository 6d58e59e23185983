"""What is ResNet-20?"""

from collections import OrderedDict

from torch import nn

from radhard.models.convolution import convolution
from radhard.models.resnet import Subsample, stage
from radhard.models.shipped import seeded, trained

__all__ = ["resnet20"]


def resnet20(*, pretrained: bool = True) -> nn.Sequential:
    """ResNet-20 for 32x32 colour images, 10 classes, 269,722 parameters; 92.2 % on photo_patches.

    (He et al., CVPR 2016), as they laid it out for CIFAR-10: three stages of three blocks with 16,
    32 and 64 channels, and shortcuts without parameters (option A). The trained weights reach that
    accuracy on the test patches of `radhard.datasets.photo_patches`, which is recognition of
    textures and not of objects, after training on the other patches. Takes ``(samples, 3, 32, 32)``
    in [0, 1], gives logits ``(samples, 10)``. Its modules are ``conv1``, ``bn1``, ``relu``,
    ``layer1.0.conv1`` to ``layer3.2.relu2``, ``avgpool``, ``flatten`` and ``fc``.

    Args:
        pretrained: with False the weights are random, the same ones each time.

    >>> sum(parameter.numel() for parameter in resnet20().parameters())
    269722
    """
    return trained(_build, "resnet20") if pretrained else seeded(_build)


def _build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=convolution(3, 16, 3, 1),
            bn1=nn.BatchNorm2d(16),
            relu=nn.ReLU(),
            layer1=stage(16, 16, 3, Subsample),
            layer2=stage(16, 32, 3, Subsample),
            layer3=stage(32, 64, 3, Subsample),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(64, 10),
        )
    )
