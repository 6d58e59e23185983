"""What is ResNet-34?"""

from torch import nn

from radhard.models.resnet import Stem, projecting

__all__ = ["resnet34"]


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
