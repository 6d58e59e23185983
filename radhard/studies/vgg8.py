"""How is a VGG-style network for photo patches trained and cached?"""

import os
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from radhard.datasets import Data
from radhard.models.convolution import convolution
from radhard.models.shipped import seeded
from radhard.studies.trained_network import TrainingRecipe, trained_network

__all__ = ["cache_folder", "trained_vgg8", "vgg8"]

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
    """The network trained on ``train``: from the cache, or now (half a minute).

    The same seed and data give the same weights on the same version of torch and processor.

    Args:
        train: images ``(samples, 3, 32, 32)`` with labels.
        cache: folder where trained weights are kept; by default `cache_folder`.
        seed: of all chance.

    Raises:
        InputError: the folder cannot be written, or holds something else under this name.
    """
    model = vgg8()
    version = torch.__version__.partition("+")[0]
    folder = cache_folder() if cache is None else cache
    path = folder / f"vgg8-{train.fingerprint()[:12]}-seed{seed}-torch{version}.safetensors"
    trained_network(model, train, RECIPE, seed=seed, path=path)
    return model


def cache_folder() -> Path:
    """Where the user's system keeps what can be made again: ``XDG_CACHE_HOME`` or ``~/.cache``."""
    configured = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(configured) if configured else Path.home() / ".cache") / "radhard"


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
