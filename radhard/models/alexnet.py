"""What is AlexNet for small images?"""

from collections import OrderedDict
from functools import partial

from torch import nn

from radhard.models.convolution import check_classes, convolution
from radhard.models.shipped import seeded

__all__ = ["alexnet"]


def alexnet(*, classes: int = 10) -> nn.Sequential:
    """AlexNet for 32x32 colour images, 10 classes, 21,622,858 parameters; untrained.

    (Krizhevsky et al., NIPS 2012), with the channels and kernels of the paper for 224x224 images,
    padded so that 32x32 ones suffice: maps of 8x8, 4x4, then 2x2 pixels, and a norm behind each of
    the first two poolings. With the running statistics of the norms these are the 21,623,562
    numbers, and the 42,316,288 multiplications, of (Ahmadilivani et al., IOLTS 2024). The weights
    are random, the same ones each time, so that its answers mean nothing. Takes ``(samples, 3, 32,
    32)``, gives logits ``(samples, classes)``.

    Raises:
        InputError: ``classes`` is not a whole number from 1.

    >>> sum(parameter.numel() for parameter in alexnet().parameters())
    21622858
    """
    check_classes(classes)
    return seeded(partial(_build, classes))


def _build(classes: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=convolution(3, 96, 11, 4, bias=True),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            bn1=nn.BatchNorm2d(96),
            conv2=convolution(96, 256, 5, 1, bias=True),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            bn2=nn.BatchNorm2d(256),
            conv3=convolution(256, 384, 3, 1, bias=True),
            relu3=nn.ReLU(),
            conv4=convolution(384, 384, 3, 1, bias=True),
            relu4=nn.ReLU(),
            conv5=convolution(384, 256, 3, 1, bias=True),
            relu5=nn.ReLU(),
            pool3=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(256, 4096),
            relu6=nn.ReLU(),
            dropout1=nn.Dropout(),
            fc2=nn.Linear(4096, 4096),
            relu7=nn.ReLU(),
            dropout2=nn.Dropout(),
            fc3=nn.Linear(4096, classes),
        )
    )
