"""How is a VGG-style network for photo patches trained and cached?"""

from collections import OrderedDict
from pathlib import Path

from torch import nn

from radhard.datasets import Data
from radhard.models.convolution import convolution
from radhard.models.shipped import seeded
from radhard.studies.trained_network import TrainingRecipe, cached_network

__all__ = ["trained_vgg8", "vgg8"]

RECIPE = TrainingRecipe(epochs=12, weight_decay=0.05, mirrored=True)


def vgg8() -> nn.Sequential:
    """A small VGG: six 3x3 convolutions with norms, two linear layers; 204,794 parameters.

    In the manner of (Simonyan and Zisserman, ICLR 2015), for 32x32 colour images and 10 classes.
    The weights are random, the same ones each time. Takes ``(samples, 3, 32, 32)``, gives logits
    ``(samples, 10)``.

    >>> sum(parameter.numel() for parameter in vgg8().parameters())
    204794
    """
    return seeded(_build)


def trained_vgg8(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """The network, trained on images ``(samples, 3, 32, 32)``; half a minute if it is not cached.

    Args and errors: as of `cached_network`.
    """
    return cached_network("vgg8", vgg8(), train, RECIPE, cache=cache, seed=seed)


def _build() -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    width, number = 3, 0
    for stage, outputs in enumerate((16, 32, 64), start=1):
        for _ in range(2):
            number += 1
            layers[f"conv{number}"] = convolution(width, outputs, 3, 1)
            layers[f"bn{number}"] = nn.BatchNorm2d(outputs)
            layers[f"relu{number}"] = nn.ReLU()
            width = outputs
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(width * 4 * 4, 128)
    layers["relu7"] = nn.ReLU()
    layers["fc2"] = nn.Linear(128, 10)
    return nn.Sequential(layers)
