"""How are the colour images of CIFAR read?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radhard.datasets.data import Data
from radhard.datasets.naming import call
from radhard.datasets.pickled import PickledArray, read_pickled
from radhard.datasets.split import Split, checked, chosen
from radhard.errors import InputError

__all__ = ["cifar10", "cifar100"]

PIXELS = 3 * 32 * 32

Images = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Pixels ``(n, 3072)`` and labels ``(n,)``."""


@dataclass(frozen=True)
class _Layout:
    """How one of the sets is published: names of its files without ending, and its labels."""

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    marks: int
    """Number of bytes before an image in the binary version; the last one is the label."""
    key: str
    """The key of the labels in the Python version."""
    classes: int

    def files(self, half: str) -> tuple[str, ...]:
        return self.train if half == "train" else self.test


_TEN = _Layout(
    "cifar10", tuple(f"data_batch_{n}" for n in range(1, 6)), ("test_batch",), 1, "labels", 10
)
_HUNDRED = _Layout("cifar100", ("train",), ("test",), 2, "fine_labels", 100)


def cifar10(folder: str | Path, *, split: Split = "test", n: int | None = None) -> Data:
    """Colour images of 32x32 pixels in 10 classes (Krizhevsky, 2009), from a folder of yours.

    The folder holds the binary version (``data_batch_1.bin`` ... ``test_batch.bin``) or the Python
    version (the same without ``.bin``), whose pickles are read without being run. Inputs are
    float32 ``(n, 3, 32, 32)`` in [0, 1]; the first n samples hold all classes in their proportions.

    Args:
        folder: where the files are.
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.

    Raises:
        InputError: the files are missing or broken, or the arguments are not allowed.
    """
    return _loaded(_TEN, folder, split, n)


def cifar100(folder: str | Path, *, split: Split = "test", n: int | None = None) -> Data:
    """Colour images of 32x32 pixels in 100 classes (Krizhevsky, 2009), from a folder of yours.

    ``train.bin`` and ``test.bin``, or ``train`` and ``test`` of the Python version; the labels are
    the fine ones. Else as `cifar10`.

    Raises:
        InputError: the files are missing or broken, or the arguments are not allowed.
    """
    return _loaded(_HUNDRED, folder, split, n)


def _loaded(layout: _Layout, folder: str | Path, split: Split, n: int | None) -> Data:
    checked(split)
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise InputError(f"{folder} is not a folder; give the one that holds {layout.train[0]}.bin")
    halves = ("train", "test") if split == "all" else (split,)
    parts = [_part(layout, place, name) for half in halves for name in layout.files(half)]
    pixels, labels = (np.concatenate(found) for found in zip(*parts, strict=True))
    if len(labels) and labels.max() >= layout.classes:
        raise InputError(
            f"{folder}: label {labels.max()} where {layout.name} has 0 to {layout.classes - 1}"
        )
    images = torch.from_numpy(pixels).to(torch.float32).div_(255).reshape(-1, 3, 32, 32)
    name = call(layout.name, str(folder), split=(split, "test"), n=(n, None))
    return chosen(images, torch.from_numpy(labels.astype(np.int64)), n, name)


def _part(layout: _Layout, folder: Path, name: str) -> Images:
    """One file, in the available version."""
    readers: dict[Path, Callable[[_Layout, bytes], Images]] = {
        folder / f"{name}.bin": _binary,
        folder / name: _python,
    }
    for path, read in readers.items():
        if path.is_file():
            try:
                return read(layout, path.read_bytes())
            except (OSError, ValueError) as error:
                raise InputError(f"{path} cannot be read: {error}") from None
    found = ", ".join(sorted(file.name for file in folder.iterdir())[:8])
    raise InputError(
        f"{folder} has neither {name}.bin nor {name} of {layout.name}; there is "
        f"{found or 'nothing'}"
    )


def _binary(layout: _Layout, content: bytes) -> Images:
    row = layout.marks + PIXELS
    if not content or len(content) % row:
        raise ValueError(f"{len(content):,} bytes are no whole number of images of {row:,} bytes")
    rows = np.frombuffer(content, np.uint8).reshape(-1, row)
    # Of two labels, the coarse one comes first.
    return rows[:, layout.marks :], rows[:, layout.marks - 1]


def _python(layout: _Layout, content: bytes) -> Images:
    found = read_pickled(content)
    if not isinstance(found, dict) or not {"data", layout.key} <= set(found):
        raise ValueError(f"it holds no data and {layout.key}")
    pixels, labels = found["data"], found[layout.key]
    if not isinstance(pixels, PickledArray) or not isinstance(labels, list):
        raise ValueError("data is no array, or the labels are no list")
    images = pixels.numbers()
    # The file is foreign: nothing is assumed of what it holds.
    if images.dtype != np.uint8 or images.shape != (len(labels), PIXELS):
        raise ValueError(
            f"{images.dtype} of shape {images.shape} for {len(labels)} labels; bytes of shape "
            f"({len(labels)}, {PIXELS}) are expected"
        )
    if not all(type(label) is int and label >= 0 for label in labels):
        raise ValueError("a label that is no class")
    return images, np.array(labels, dtype=np.int64)
