"""Are the published files of CIFAR read exactly, and broken ones refused?"""

import pickle
import struct

import numpy as np
import pytest
import torch

from radhard.datasets import Data, cifar10, cifar100, load
from radhard.errors import InputError

TEN = ([f"data_batch_{n}" for n in range(1, 6)], ["test_batch"])


def drawn(images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    labels = np.arange(images) % 10
    return chance.integers(0, 256, (images, 3072), dtype=np.uint8), chance.permutation(labels)


def binary(pixels: np.ndarray, labels: np.ndarray, coarse: bool = False) -> bytes:
    marks = [(labels // 5)[:, None], labels[:, None]] if coarse else [labels[:, None]]
    return np.hstack([*marks, pixels]).astype(np.uint8).tobytes()


def python2(value) -> bytes:
    """A value as Python 2 pickled it, where strings are bytes."""
    if isinstance(value, dict):
        items = b"".join(python2(part) for pair in value.items() for part in pair)
        return b"}(" + items + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode()
    shape = b"".join(map(python2, value.shape)) + b"\x86"
    kind = b"cnumpy\ndtype\n" + python2("u1") + python2(0) + python2(1) + b"\x87R"
    kind += b"(" + python2(3) + python2("|") + b"NNN" + python2(-1) * 2 + python2(0) + b"tb"
    raw = b"T" + struct.pack("<i", value.size) + value.tobytes()
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    empty += python2(0) + b"\x85" + python2("b") + b"\x87R"
    return empty + b"(" + python2(1) + shape + kind + b"\x89" + raw + b"tb"


def python(pixels: np.ndarray, labels: np.ndarray, key: str = "labels") -> bytes:
    held = {"batch_label": "of 1", "data": pixels, key: labels.tolist()}
    return b"\x80\x02" + python2(held) + b"."


def written(folder, version) -> list[tuple[np.ndarray, np.ndarray]]:
    parts = []
    for seed, name in enumerate([*TEN[0], *TEN[1]]):
        parts.append(drawn(20, seed))
        content = (binary if version == "binary" else python)(*parts[-1])
        (folder / (f"{name}.bin" if version == "binary" else name)).write_bytes(content)
    return parts


def expected(parts: list[tuple[np.ndarray, np.ndarray]]) -> set[tuple[int, bytes]]:
    return {
        (int(label), pixels.tobytes())
        for images, labels in parts
        for pixels, label in zip(images, labels, strict=True)
    }


def held(data: Data) -> set[tuple[int, bytes]]:
    bytes_of = (data.inputs * 255).round().to(torch.uint8).reshape(len(data), -1).numpy()
    return {(int(label), p.tobytes()) for label, p in zip(data.labels, bytes_of, strict=True)}


@pytest.mark.parametrize("version", ["binary", "python"])
def test_every_image_comes_back_with_its_label(tmp_path, version) -> None:
    parts = written(tmp_path, version)
    test, train = cifar10(tmp_path), cifar10(tmp_path, split="train")
    assert test.inputs.shape == (20, 3, 32, 32)
    assert test.inputs.dtype == torch.float32
    assert held(test) == expected(parts[5:])
    assert held(train) == expected(parts[:5])
    assert held(cifar10(tmp_path, split="all")) == expected(parts)
    assert cifar10(tmp_path, n=10).labels.tolist() == list(range(10))


def test_both_versions_are_the_same_data(tmp_path) -> None:
    folders = [tmp_path / version for version in ("binary", "python")]
    for folder in folders:
        folder.mkdir()
        written(folder, folder.name)
    one, other = (cifar10(folder) for folder in folders)
    assert one.fingerprint() == other.fingerprint()


def test_a_pickle_of_python_3_is_read_as_well(tmp_path) -> None:
    pixels, labels = drawn(10, 1)
    whole = pickle.dumps({"data": pixels, "labels": labels.tolist()}, protocol=2)
    (tmp_path / "test_batch").write_bytes(whole.replace(b"numpy._core", b"numpy.core"))
    assert held(cifar10(tmp_path)) == expected([(pixels, labels)])


@pytest.mark.parametrize("version", ["binary", "python"])
def test_the_hundred_classes_are_the_fine_ones(tmp_path, version) -> None:
    pixels, labels = drawn(20, 3)
    labels = labels * 7
    if version == "binary":
        (tmp_path / "test.bin").write_bytes(binary(pixels, labels, coarse=True))
    else:
        (tmp_path / "test").write_bytes(python(pixels, labels, "fine_labels"))
    assert held(cifar100(tmp_path)) == expected([(pixels, labels)])


def test_the_name_loads_the_same_data_again(tmp_path) -> None:
    written(tmp_path, "binary")
    data = cifar10(tmp_path, split="train", n=30)
    assert load(data.name).fingerprint() == data.fingerprint()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("test_batch.bin", b"", "no whole number of images"),
        ("test_batch.bin", b"\0" * 3074, "no whole number of images of 3,073 bytes"),
        ("test_batch.bin", b"\x0a" + b"\0" * 3072, "label 10 where cifar10 has 0 to 9"),
        ("test_batch", b"hello", "cannot be read"),
        ("test_batch", pickle.dumps({"data": 1}, protocol=2), "holds no data and labels"),
        ("test_batch", python(*drawn(10, 0))[:-9000], "cannot be read"),
        ("test_batch", python(drawn(10, 0)[0], np.arange(9)), "for 9 labels"),
        ("test_batch", pickle.dumps(print, protocol=2), "names"),
        ("readme.txt", b"", "neither test_batch.bin nor test_batch of cifar10; there is readme"),
    ],
)
def test_broken_files_are_refused_by_name(tmp_path, file, content, said) -> None:
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=said):
        cifar10(tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path) -> None:
    with pytest.raises(InputError, match=r"is not a folder; give the one that holds train\.bin"):
        cifar100(tmp_path / "nowhere")
