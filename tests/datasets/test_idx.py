"""Are idx files read exactly, and broken ones refused without harm?"""

import contextlib
import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from radhard.datasets import FromFolder, mnist
from radhard.datasets.idx import read_idx
from radhard.errors import InputError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
shapes = arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    return head + struct.pack(f">{array.ndim}I", *array.shape) + big_endian.tobytes()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("idx") / "file"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@given(data=st.data())
def test_every_number_type_is_read_exactly(file, code, pack, data):
    array = data.draw(arrays.arrays(np.dtype(code), shapes))
    file.write_bytes(pack(idx(array)))
    found = read_idx(file).numpy()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == array.tobytes()


@settings(suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@given(array=arrays.arrays(np.dtype("u1"), (3, 2, 2)), data=st.data())
def test_a_file_cut_short_or_too_long_is_refused(file, pack, array, data):
    content = pack(idx(array))
    cut = data.draw(st.integers(0, len(content) - 1))
    file.write_bytes(content[:cut])
    with pytest.raises(InputError):
        read_idx(file)
    file.write_bytes(pack(idx(array) + b"\0"))
    with pytest.raises(InputError, match="goes on after"):
        read_idx(file)


@given(st.binary(max_size=64) | st.binary(max_size=60).map(lambda tail: b"\0\0\x08\x01" + tail))
def test_any_bytes_are_an_array_or_an_input_error(file, content):
    file.write_bytes(content)
    with contextlib.suppress(InputError):
        found = read_idx(file)
        header = 4 + 4 * found.ndim
        assert len(content) == header + found.numel() * found.element_size()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(2**32 - 1,), (2**31, 2**31, 2**31), (60000, 28, 28)])
def test_a_header_that_promises_more_than_the_file_holds_allocates_nothing(file, shape, pack):
    head = bytes([0, 0, 0x0E, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    file.write_bytes(pack(head + b"\0" * 1000))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"too small|ends after"):
        read_idx(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_more_axes_than_an_array_can_have_are_refused(file):
    file.write_bytes(bytes([0, 0, 8, 255]) + struct.pack(">255I", *[1] * 255) + b"\0")
    with pytest.raises(InputError, match="no shape of an array"):
        read_idx(file)


IMAGES = np.arange(5 * 2 * 3, dtype=np.uint8).reshape(5, 2, 3)
LABELS = np.array([3, 1, 2, 3, 1], dtype=np.uint8)


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(LABELS))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[:2]))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[:2])))
    (tmp_path / "readme-train-images.txt").write_text("not an idx file")
    return tmp_path


def test_a_folder_is_read_whatever_way_its_files_are_packed(folder):
    train, everything = FromFolder(folder, split="train"), FromFolder(str(folder), split="all")
    assert train.inputs.shape == (5, 1, 2, 3)
    assert torch.equal(train.inputs[:, 0] * 255, torch.from_numpy(IMAGES).float())
    assert train.labels.tolist() == [3, 1, 2, 3, 1]
    assert everything.labels.tolist() == [3, 1, 2, 3, 1, 3, 1]
    assert FromFolder(folder, split="train", n=2).labels.tolist() == [3, 1]
    assert len(FromFolder(folder)) == 2


def test_mnist_from_a_folder_is_balanced(folder):
    assert mnist(split="train", folder=str(folder), n=3).labels.tolist() == [1, 3, 2]


def test_a_plain_file_is_taken_before_its_archive(folder):
    (folder / "train-images-idx3-ubyte").write_bytes(idx(IMAGES[:5] + 1))
    assert FromFolder(folder, split="train").inputs[0, 0, 0, 0] == np.float32(1) / 255


def test_labels_are_optional_but_not_for_mnist(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert FromFolder(folder).labels is None
    with pytest.raises(InputError, match="without labels"):
        mnist(folder=str(folder))
    with pytest.raises(InputError, match="labels for one split"):
        FromFolder(folder, split="all")


def test_other_numbers_than_bytes_keep_their_values(folder):
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(np.array([[-1.5], [2.0]])))
    assert FromFolder(folder).inputs.tolist() == [[-1.5], [2.0]]
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(np.array([[-7], [300]], dtype="i2")))
    assert FromFolder(folder).inputs.dtype == torch.int64
    assert FromFolder(folder).inputs.tolist() == [[-7], [300]]


def test_a_folder_that_cannot_be_used_says_why(folder, tmp_path):
    with pytest.raises(InputError, match="not a folder"):
        FromFolder(folder / "nowhere")
    with pytest.raises(InputError, match="n=9"):
        FromFolder(folder, n=9)
    with pytest.raises(InputError, match="whole number"):
        FromFolder(folder, n="2")
    (folder / "t10k-images.idx3-ubyte").write_bytes(idx(IMAGES))
    with pytest.raises(InputError, match="several files of test images"):
        FromFolder(folder)
    (folder / "train-labels.idx1-ubyte").write_bytes(idx(LABELS[:4]))
    with pytest.raises(InputError, match="4 labels for 5 samples"):
        FromFolder(folder, split="train")
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"no train images.*readme-train-images\.txt"):
        FromFolder(folder, split="train")


def test_train_and_test_of_different_shapes_do_not_go_together(folder):
    (folder / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[:2, :1]))
    with pytest.raises(InputError, match="do not go together"):
        FromFolder(folder, split="all")
