"""Which small colour images of ten classes are available?"""

import functools

import numpy as np
import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.installed import installed_file
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen
from radhard.errors import InputError

__all__ = ["photo_patches"]

INSTALL = "pip install 'radhard[data]'"
PICTURES = (
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/hubble_deep_field.jpg"),
    ("skimage", "data/ihc.png"),
    ("skimage", "data/retina.jpg"),
    ("skimage", "data/rocket.jpg"),
    ("skimage", "data/motorcycle_left.png"),
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
)

CELL, PATCH = 64, 32
# Large pictures have hundreds of cells; this many are used, evenly spaced.
TRAIN_CELLS, TEST_CELLS = 48, 16
# Below this standard deviation (of values in [0, 1]) a cell is empty sky or the edge of a scan.
TEXTURE = 0.02


def photo_patches(*, split: Split = "test", n: int | None = None) -> Data:
    """Patches of ten photos, 32x32 pixels in colour; which photo is it from? Texture, not objects.

    The photos come with scikit-image (astronaut, chelsea, coffee, hubble_deep_field,
    immunohistochemistry, retina, rocket, stereo_motorcycle: classes 0 to 7) and scikit-learn
    (china, flower: 8 and 9). Each is cut into cells of 64x64 pixels, a quarter of which is held out
    for testing, so that training and testing share no pixel. A cell gives nine patches for
    training, which overlap, or four for testing, which do not. Cells without texture are left out.
    Inputs are float32 ``(n, 3, 32, 32)`` in [0, 1]; the first n samples hold all classes in their
    proportions. What is recognised is the texture and colour of a photo: an accuracy here says
    nothing of recognising objects.

    Args:
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.

    Raises:
        InputError: scikit-image is missing (``pip install 'radhard[data]'``), or an argument is not
            allowed.
    """
    checked(split)
    parts, labels = [], []
    for half in ("train", "test") if split == "all" else (split,):
        for label, (package, path) in enumerate(PICTURES):
            train, test = _cells(package, path)
            # For testing without overlap, so that the samples are as independent as they can be.
            patches = cut(train, PATCH // 2) if half == "train" else cut(test, PATCH)
            parts.append(patches)
            labels.append(torch.full((len(patches),), label))
    name = call("photo_patches", split=(split, "test"), n=(n, None))
    return chosen(torch.cat(parts).to(torch.float32) / 255, torch.cat(labels), n, name)


def cells(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Cells ``(cells, 3, 64, 64)`` of a picture ``(height, width, 3)``: for training, for testing.

    Every fourth cell of a row is for testing, in other columns on the next row.
    """
    grid = picture.unfold(0, CELL, CELL).unfold(1, CELL, CELL)
    row, column = torch.meshgrid(*map(torch.arange, grid.shape[:2]), indexing="ij")
    # In a pattern and not at random: no test cell has another one beside it, above it or below it.
    held_out = (2 * row + column) % 4 == 3
    textured = (grid.double() / 255).std(dim=(2, 3, 4)) > TEXTURE
    train, test = grid[textured & ~held_out], grid[textured & held_out]
    return _spread(train, TRAIN_CELLS), _spread(test, TEST_CELLS)


def cut(cells: Tensor, step: int) -> Tensor:
    """Patches ``(patches, 3, 32, 32)``, one every ``step`` pixels; neighbours come far apart."""
    patches = cells.unfold(2, PATCH, step).unfold(3, PATCH, step)
    # First the same place in all cells, then the next: the first samples come from as many cells as
    # possible.
    return patches.permute(2, 3, 0, 1, 4, 5).reshape(-1, 3, PATCH, PATCH)


def _spread(items: Tensor, at_most: int) -> Tensor:
    if len(items) <= at_most:
        return items
    return items[torch.arange(at_most) * len(items) // at_most]


@functools.cache
def _cells(package: str, path: str) -> tuple[Tensor, Tensor]:
    file = installed_file(package, path, install=INSTALL)
    # Imported here, because it is part of an extra.
    try:
        from PIL import Image
    except ImportError:
        raise InputError(f"photo_patches needs pillow: {INSTALL}") from None
    with Image.open(file) as image:
        return cells(torch.from_numpy(np.array(image.convert("RGB"))))
