"""Which networks are trained so briefly that they are as unsure as those of a paper?"""

from collections import OrderedDict
from functools import partial
from itertools import pairwise
from pathlib import Path

from torch import nn

from radhard.datasets import Data
from radhard.models.lenet5 import lenet5_layers
from radhard.models.shipped import seeded
from radhard.studies.trained_network import TrainingRecipe, cached_network

__all__ = ["lenet5_of_one_epoch", "mlp7", "patch_cnn"]

_SIZES = (784, 1024, 512, 512, 256, 256, 256, 10)


def mlp7(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """Seven linear layers with 2,816 hidden neurons, trained on ``(samples, 1, 28, 28)``.

    One epoch. (Ahmadilivani et al., AICAS 2023) state 2,816 neurons and an accuracy of 70.1 %, not
    the sizes of the layers. Args and errors: as of `cached_network`.
    """
    recipe = TrainingRecipe(epochs=1, weight_decay=0.01, learning_rate=1e-3)
    return cached_network("mlp7", seeded(_mlp7), train, recipe, cache=cache, seed=seed)


def lenet5_of_one_epoch(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """LeNet-5 without padding, trained for one epoch on ``(samples, 1, 28, 28)``.

    It has 4,684 hidden neurons, as in the paper, whose network has an accuracy of 89.1 %. Args
    and errors: as of `cached_network`.
    """
    recipe = TrainingRecipe(epochs=1, weight_decay=0.01, learning_rate=2e-3)
    model = seeded(partial(lenet5_layers, padding=0))
    return cached_network("lenet5-1", model, train, recipe, cache=cache, seed=seed)


def patch_cnn(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """Three convolutions of stride 2 and two linear layers, for images ``(samples, 3, 32, 32)``.

    In place of AlexNet, whose accuracy in the paper is 62.9 %. Args and errors: as of
    `cached_network`.
    """
    recipe = TrainingRecipe(epochs=6, weight_decay=0.01, learning_rate=2e-3)
    return cached_network("patch-cnn", seeded(_patch_cnn), train, recipe, cache=cache, seed=seed)


def _mlp7() -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, (inputs, outputs) in enumerate(pairwise(_SIZES), 1):
        layers[f"fc{number}"] = nn.Linear(inputs, outputs)
        if number < len(_SIZES) - 1:
            layers[f"relu{number}"] = nn.ReLU()
    return nn.Sequential(layers)


def _patch_cnn() -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 16, 3, stride=2, padding=1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(16, 24, 3, stride=2, padding=1),
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(24, 32, 3, stride=2, padding=1),
            relu3=nn.ReLU(),
            flatten=nn.Flatten(),
            fc1=nn.Linear(512, 64),
            relu4=nn.ReLU(),
            fc2=nn.Linear(64, 10),
        )
    )
