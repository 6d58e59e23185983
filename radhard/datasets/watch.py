"""Which recordings of a smart watch are available?"""

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.installed import installed_file
from radhard.datasets.naming import call
from radhard.datasets.pickled import PickledArray, read_pickled
from radhard.datasets.split import Split, checked, chosen
from radhard.errors import InputError

__all__ = ["watch"]

INSTALL = "pip install --no-deps seglearn==1.2.5"
HELD_OUT = torch.tensor([3, 8])
EXERCISES = 7


def watch(
    *,
    split: Split = "test",
    n: int | None = None,
    window: int = 128,
    channels: int = 6,
    positive: int | None = None,
) -> Data:
    """Which of seven shoulder exercises does the wearer of a smart watch do? 6 channels at 50 Hz.

    140 recordings of ten people (Burns et al., Physiological Measurement 2018) that come with
    seglearn (``pip install --no-deps seglearn==1.2.5``), in windows that begin a quarter of their
    length apart. People 3 and 8 are held out for testing: 5,943 windows of 128 steps to train,
    1,198 to test. Inputs are float32 ``(n, window, 6)``, as ``(samples, steps, channels)``:
    acceleration along three axes, then the rate of turning about them, as they were recorded;
    labels are 0 to 6 (pendulum, abduction, forward elevation, internal rotation, external rotation,
    trapezius extension, upright row). The first n samples hold all exercises in their proportions.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.
        window: steps a sample; 50 are a second.
        channels: 6, or 4: the acceleration along three axes, and the magnitude of the rate of
            turning.
        positive: an exercise that is class 1, while all others are class 0; None: seven classes.

    Raises:
        InputError: seglearn's file is missing or another one, or an argument is not allowed.
    """
    checked(split)
    series, labels, people = _recordings()
    shortest = min(map(len, series))
    whole = isinstance(window, int) and not isinstance(window, bool)
    if not whole or not 4 <= window <= shortest:
        raise InputError(
            f"window={window!r} is not allowed; give a whole number of steps from 4 to {shortest}"
        )
    if channels not in (4, 6) or isinstance(channels, bool):
        raise InputError(f"channels={channels!r} is not allowed; give 6 or 4")
    if positive is not None:
        if isinstance(positive, bool) or positive not in range(EXERCISES):
            raise InputError(
                f"positive={positive!r} is not allowed; give an exercise from 0 to "
                f"{EXERCISES - 1}, or None"
            )
        labels = (labels == positive).long()
    if channels == 4:
        series = [torch.cat([x[:, :3], x[:, 3:].norm(dim=1, keepdim=True)], 1) for x in series]
    windows = [one.unfold(0, window, window // 4).transpose(1, 2) for one in series]
    counts = torch.tensor([len(one) for one in windows])
    held_out = torch.isin(people, HELD_OUT).repeat_interleave(counts)
    # The first window of every recording, then the second: few samples come from many recordings.
    turn = torch.cat([torch.arange(int(count)) for count in counts])
    order = torch.argsort(turn, stable=True)
    if split != "all":
        order = order[held_out[order] == (split == "test")]
    name = call(
        "watch",
        split=(split, "test"),
        n=(n, None),
        window=(window, 128),
        channels=(channels, 6),
        positive=(positive, None),
    )
    return chosen(torch.cat(windows)[order], labels.repeat_interleave(counts)[order], n, name)


@functools.cache
def _recordings() -> tuple[list[Tensor], Tensor, Tensor]:
    """Series ``(steps, 6)``, the exercise of each, and the person."""
    path = installed_file("seglearn", "data/watch_dataset.npy", install=INSTALL)
    try:
        table = _table(path)
        series = [torch.from_numpy(x.numbers().astype(np.float32)) for x in table["X"]]
        labels, people = (
            torch.from_numpy(table[key].numbers().astype(np.int64)) for key in ("y", "subject")
        )
        if any(x.ndim != 2 or x.shape[1] != 6 for x in series) or not (
            len(series) == len(labels) == len(people) > 0
        ):
            raise ValueError("recordings of other shapes")
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise InputError(f"{path} is not seglearn's watch data ({error}); {INSTALL}") from None
    return series, labels, people


def _table(path: Path) -> dict[str, Any]:
    """The dict in the file, which is the only item of an array of objects."""
    file = io.BytesIO(path.read_bytes())
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an .npy file of version {version}")
    _, _, kind = np.lib.format.read_array_header_1_0(file)
    if kind != np.dtype(object):
        raise ValueError(f"an array of {kind}")
    array = read_pickled(file.read())
    if not isinstance(array, PickledArray) or not isinstance(array.content, list):
        raise ValueError("no array of objects")
    (table,) = array.content
    if not isinstance(table, dict):
        raise ValueError(f"{type(table).__name__} in place of a dict")
    return table
