"""Which spoken vowels are available?"""

import functools

import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.installed import installed_file
from radhard.datasets.naming import call
from radhard.datasets.series import read_series
from radhard.datasets.split import Split, checked, chosen
from radhard.errors import InputError

__all__ = ["vowels"]

INSTALL = "pip install --no-deps aeon==1.6.0"
FILE = "datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"
STEPS = 29


def vowels(*, split: Split = "test", n: int | None = None) -> Data:
    """Who of nine men says these vowels? Speech of 12 channels, 7 to 29 steps, 270 + 370 samples.

    JapaneseVowels (Kudo et al., Pattern Recognition Letters 1999): linear-prediction coefficients
    of the vowels /ae/, from the files that come with aeon (``pip install --no-deps aeon==1.6.0``;
    without ``--no-deps`` it replaces numpy by an old one). Inputs are float32 ``(n, 29, 12)``, as
    ``(samples, steps, channels)``, with zeros before the beginning of shorter utterances, so that
    the last step is always speech; labels are 0 to 8. The first n samples hold all speakers in
    their proportions.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"``; as the data were published.
        n: how many samples; None takes all.

    Raises:
        InputError: aeon's files are missing or broken, or an argument is not allowed.
    """
    checked(split)
    halves = ["train", "test"] if split == "all" else [split]
    inputs, labels = zip(*map(_half, halves), strict=True)
    name = call("vowels", split=(split, "test"), n=(n, None))
    return chosen(torch.cat(inputs), torch.cat(labels), n, name)


@functools.cache
def _half(half: str) -> tuple[Tensor, Tensor]:
    """All utterances of one half; read once, because they are kept as text."""
    path = installed_file("aeon", FILE.format(half.upper()), install=INSTALL)
    series, labels = read_series(path)
    longest = max(len(one) for one in series)
    if longest > STEPS:
        raise InputError(f"{path} has a series of {longest} steps, where at most {STEPS} come")
    inputs = torch.zeros(len(series), STEPS, series[0].shape[1])
    for row, one in zip(inputs, series, strict=True):
        row[STEPS - len(one) :] = one
    return inputs, labels
