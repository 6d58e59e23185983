"""Which networks does a study look at, on which data?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from torch import nn

from radhard.datasets import Data, mnist, photo_patches
from radhard.errors import InputError
from radhard.models import lenet5, resnet20
from radhard.spec import near
from radhard.studies.vgg8 import trained_vgg8

__all__ = ["NETWORKS", "Network", "network"]


@final
@dataclass(frozen=True, eq=False)
class Network:
    """A trained network with the data it was trained on, and data that it has not seen."""

    name: str
    about: str
    model: nn.Module
    train: Data
    test: Data
    images: int
    """Test images that campaigns look at, by default."""
    brief: bool = False
    """Whether hardenings that search or train do so with less effort."""


def network(name: str, *, cache: Path | None = None) -> Network:
    """The network of this name, trained now where it does not come with the package.

    Raises:
        InputError: there is none of this name, or its data cannot be had.
    """
    if name not in NETWORKS:
        raise InputError(
            f"there is no network {name!r} in the studies: {near(name, list(NETWORKS))}one of "
            f"{', '.join(NETWORKS)}"
        )
    return NETWORKS[name](cache)


def _lenet5(cache: Path | None) -> Network:  # noqa: ARG001
    about = "LeNet-5 on MNIST, with the weights that come with the package"
    return Network("lenet5", about, lenet5(), mnist(split="train"), mnist(split="test"), 300)


def _resnet20(cache: Path | None) -> Network:  # noqa: ARG001
    about = "ResNet-20 on photo patches, with the weights that come with the package"
    train, test = photo_patches(split="train"), photo_patches(split="test")
    return Network("resnet20", about, resnet20(), train, test, 50, brief=True)


def _vgg8(cache: Path | None) -> Network:
    about = "VGG-8 (six 3x3 convolutions, two linear layers) on photo patches, trained for this"
    train, test = photo_patches(split="train"), photo_patches(split="test")
    return Network("vgg8", about, trained_vgg8(train, cache=cache), train, test, 60, brief=True)


NETWORKS: dict[str, Callable[[Path | None], Network]] = {
    "lenet5": _lenet5,
    "resnet20": _resnet20,
    "vgg8": _vgg8,
}
"""By name, how a network is made; the argument is the folder for weights trained here."""
