"""How is LeNet-5 with 20 and 50 filters trained and cached?"""

from collections import OrderedDict
from pathlib import Path

from torch import nn

from radhard.datasets import Data
from radhard.models.shipped import seeded
from radhard.studies.trained_network import TrainingRecipe, cached_network

__all__ = ["trained_wide_lenet5", "wide_lenet5"]

RECIPE = TrainingRecipe(epochs=16, weight_decay=0.01)


def wide_lenet5() -> nn.Sequential:
    """LeNet-5 with 20 and 50 unpadded 5x5 filters; 132,704 parameters.

    The network of (Neggaz et al., "A Reliability Study on CNNs for Critical Embedded Systems"),
    which does not state the sizes of its three linear layers: they have 120, 84 and 10 outputs, as
    in (LeCun et al., Proc. IEEE 1998). The weights are random, the same ones each time. Takes
    ``(samples, 1, 28, 28)``, gives logits ``(samples, 10)``.

    >>> sum(parameter.numel() for parameter in wide_lenet5().parameters())
    132704
    """
    return seeded(_build)


def trained_wide_lenet5(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """The network, trained on images ``(samples, 1, 28, 28)``; half a minute if it is not cached.

    Args and errors: as of `cached_network`.
    """
    return cached_network("wide-lenet5", wide_lenet5(), train, RECIPE, cache=cache, seed=seed)


def _build() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, 5),
            relu1=nn.ReLU(),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            relu2=nn.ReLU(),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(50 * 4 * 4, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, 10),
        )
    )
