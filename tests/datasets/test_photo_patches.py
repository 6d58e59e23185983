"""Do training and testing share no pixel of the photos?"""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from radhard.datasets import photo_patches
from radhard.datasets.installed import installed_file
from radhard.datasets.photo_patches import CELL, PATCH, PICTURES, cells, cut
from radhard.errors import InputError

MODULE = sys.modules["radhard.datasets.photo_patches"]


def numbered(height: int, width: int) -> torch.Tensor:
    """A picture in which the second and third colour say in which cell a pixel lies."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    noise = (rows * 7 + columns * 13) % 251
    return torch.stack([noise, rows // CELL, columns // CELL], dim=2).to(torch.uint8)


@given(st.integers(CELL, 12 * CELL), st.integers(CELL, 12 * CELL))
def test_every_pixel_is_for_training_or_for_testing_and_a_quarter_is_for_testing(height, width):
    train, test = cells(numbered(height, width))
    places = []
    for part in (train, test):
        # A cell lies in one place of the grid, all of it.
        assert (part[:, 1:] == part[:, 1:, :1, :1]).all()
        places.append({tuple(place) for place in part[:, 1:, 0, 0].tolist()})
        assert len(places[-1]) == len(part)
    assert not places[0] & places[1]
    rows, columns = height // CELL, width // CELL
    every = rows * columns
    assert len(train) <= 48
    assert len(test) <= 16
    # In a row of any width, one column in four, up to the end that is cut off.
    if len(train) < 48:
        assert len(train) + len(test) == every
        assert abs(len(test) - every / 4) <= rows


def test_cells_without_texture_are_left_out():
    picture = numbered(4 * CELL, 4 * CELL)
    picture[: 2 * CELL] = 7
    train, test = cells(picture)
    assert len(train) + len(test) == 8


@given(st.integers(1, 5), st.sampled_from([PATCH // 2, PATCH]))
def test_patches_are_windows_of_their_cell(count, step):
    whole = torch.arange(count * 3 * CELL * CELL).reshape(count, 3, CELL, CELL)
    corners = range(0, CELL - PATCH + 1, step)
    expected = [
        cell[:, top : top + PATCH, left : left + PATCH]
        for top in corners
        for left in corners
        for cell in whole
    ]
    assert torch.equal(cut(whole, step), torch.stack(expected))


def stretches(data) -> list[set[bytes]]:
    """Of every patch the stretches of 16 pixels that are lively enough to occur only once."""
    rows = data.inputs.unfold(3, PATCH // 2, PATCH // 2).permute(0, 2, 3, 1, 4)
    rows = rows.reshape(len(data), -1, 3, PATCH // 2)
    lively = rows.std(dim=3).mean(dim=2) > 0.05
    return [
        {row.numpy().tobytes() for row in patch[keep]}
        for patch, keep in zip(rows, lively, strict=True)
    ]


def test_test_patches_share_no_pixel_with_training_patches_nor_with_each_other():
    # All patches begin at a multiple of 16 pixels: what two of them share is a whole stretch.
    train, test = stretches(photo_patches(split="train")), stretches(photo_patches())
    seen, asked = set().union(*train), set().union(*test)
    assert min(len(seen), len(asked)) > 10_000
    assert sum(map(len, test)) == len(asked)
    assert not seen & asked
    assert sum(map(len, train)) > len(seen)


def test_sizes_and_ranges_are_those_promised():
    train, test, everything = (photo_patches(split=s) for s in ("train", "test", "all"))
    assert (len(train), len(test), len(everything)) == (3924, 564, 3924 + 564)
    for data in (train, test, everything):
        assert data.inputs.shape[1:] == (3, 32, 32)
        assert data.inputs.dtype == torch.float32
        assert (data.inputs.min(), data.inputs.max()) == (0, 1)
        assert data.labels.unique().tolist() == list(range(10))
    assert photo_patches(split="train", n=7).name == "photo_patches(split='train', n=7)"
    assert photo_patches(n=50).fingerprint() == test.first(50).fingerprint()


def colours(channels_last: torch.Tensor) -> torch.Tensor:
    """Which colours occur, each as one number."""
    return (channels_last.long() * torch.tensor([1, 256, 65536])).sum(dim=-1).unique()


def test_every_picture_is_a_class_of_its_own_and_has_its_colours():
    data = photo_patches(split="all")
    for label, (package, path) in enumerate(PICTURES):
        with Image.open(installed_file(package, path, install="")) as image:
            there = colours(torch.from_numpy(np.array(image.convert("RGB"))))
        patches = (data.inputs[data.labels == label] * 255).round().permute(0, 2, 3, 1)
        found = colours(patches)
        assert len(found) > 5_000
        assert torch.isin(found, there).all()


def test_without_scikit_image_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(MODULE, "_cells", MODULE._cells.__wrapped__)
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(
        InputError, match=r"skimage is not installed: pip install 'radhard\[data\]'"
    ):
        photo_patches()


def test_without_pillow_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(MODULE, "_cells", MODULE._cells.__wrapped__)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match=r"needs pillow: pip install 'radhard\[data\]'"):
        photo_patches()
