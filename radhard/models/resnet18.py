"""What is ResNet-18?"""

from torch import nn

from radhard.models.resnet import Stem, projecting

__all__ = ["resnet18"]


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
