"""What is LeNet-5?"""

from collections import OrderedDict

from torch import nn

from radhard.models.shipped import seeded, trained

__all__ = ["lenet5", "lenet5_layers"]


def lenet5(*, pretrained: bool = True) -> nn.Sequential:
    """LeNet-5 for 28x28 grey images and 10 classes, 61,706 parameters; 98.2 % on MNIST.

    (LeCun et al., Proc. IEEE 1998), with ReLU and max-pooling. The trained weights reach that
    accuracy on the 1,000 test digits of `radhard.datasets.mnist`, after training on the other
    4,000. Takes ``(samples, 1, 28, 28)`` in [0, 1], gives logits ``(samples, 10)``. Every
    activation is a module of its own, from ``conv1`` to ``fc3``, and can be a target.

    Args:
        pretrained: with False the weights are random, the same ones each time.

    >>> sum(parameter.numel() for parameter in lenet5().parameters())
    61706
    """
    return trained(lenet5_layers, "lenet5") if pretrained else seeded(lenet5_layers)


def lenet5_layers(filters: tuple[int, int] = (6, 16), *, padding: int = 2) -> nn.Sequential:
    """The layers with so many filters, and random weights; for images of 28x28.

    ``padding``: of the first convolution; with 2 its maps are as large as the images.
    """
    first, second = filters
    side = (28 + 2 * padding - 4) // 2 - 4
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, first, 5, padding=padding),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(first, second, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(second * (side // 2) ** 2, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, 10),
        )
    )
