"""Are the recordings of the watch what they are said to be?"""

import hashlib
import pickle
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.datasets import watch
from radhard.errors import InputError

MODULE = sys.modules["radhard.datasets.watch"]
SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"


def table(lengths=(20, 9, 14), people=(1, 3, 8), labels=(2, 0, 1)):
    """Recordings whose values say from which one they are, and from which step."""
    rows = [
        np.add.outer(np.arange(length) + 1000.0 * number, np.zeros(6))
        for number, length in enumerate(lengths)
    ]
    return {"X": rows, "y": np.array(labels), "subject": np.array(people)}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of the same layout, in place of seglearn's."""
    path = tmp_path / "watch_dataset.npy"
    monkeypatch.setattr(MODULE, "installed_file", lambda *_, install: path)
    monkeypatch.setattr(MODULE, "_recordings", MODULE._recordings.__wrapped__)
    return path


def write(path, content) -> None:
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        array = np.array(None, dtype=object)
        array[()] = content
        pickled = pickle.dumps(array, protocol=2)
        file.write(pickled.replace(b"numpy._core", b"numpy.core"))


def test_splits_have_the_sizes_promised():
    train, test = watch(split="train"), watch()
    assert train.inputs.shape == (5943, 128, 6)
    assert test.inputs.shape == (1198, 128, 6)
    assert len(watch(split="all")) == 5943 + 1198
    for data in (train, test):
        assert data.inputs.dtype == torch.float32
        assert data.inputs.isfinite().all()
        assert data.labels.unique().tolist() == list(range(7))
    assert watch(n=70).fingerprint() == test.first(70).fingerprint()
    assert watch(split="train", window=64).name == "watch(split='train', window=64)"


def test_values_are_those_that_numpy_reads():
    path = MODULE.installed_file("seglearn", "data/watch_dataset.npy", install="")
    # Unpickled only because it is, to the last byte, the file that the package is known to ship.
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    wanted = np.load(path, allow_pickle=True).item()
    series, labels, people = MODULE._recordings()
    assert labels.tolist() == wanted["y"].tolist()
    assert people.tolist() == wanted["subject"].tolist()
    assert len(series) == 140
    for found, right in zip(series, wanted["X"], strict=True):
        assert np.array_equal(found.numpy(), right.astype(np.float32))


@pytest.mark.parametrize(
    ("split", "people"), [("train", {1}), ("test", {3, 8}), ("all", {1, 3, 8})]
)
def test_two_people_are_held_out(file, split, people):
    write(file, table())
    data = watch(split=split, window=8)
    found = {(1, 3, 8)[int(value) // 1000] for value in data.inputs[:, 0, 0]}
    assert found == people
    recording = (data.inputs[:, 0, 0] // 1000).long()
    assert torch.equal(data.labels, torch.tensor([2, 0, 1])[recording])


@given(st.integers(4, 9))
def test_windows_are_stretches_of_one_recording_a_quarter_apart(window):
    with pytest.MonkeyPatch.context() as patch:
        lengths = (20, 9, 14)
        made = table(lengths)
        series = [torch.from_numpy(x).float() for x in made["X"]]
        columns = (torch.from_numpy(made[key]) for key in ("y", "subject"))
        recordings = (series, *columns)
        patch.setattr(MODULE, "_recordings", lambda: recordings)
        data = watch(split="all", window=window)
    assert data.inputs.shape[1:] == (window, 6)
    assert torch.equal(data.inputs[:, :, 0].diff(dim=1), torch.ones(len(data), window - 1))
    expected = [
        1000 * number + start
        for number, length in enumerate(lengths)
        for start in range(0, length - window + 1, window // 4)
    ]
    assert sorted(data.inputs[:, 0, 0].tolist()) == expected


def test_few_samples_come_from_many_recordings(file):
    write(file, table(lengths=(40,) * 6, people=(3, 8) * 3, labels=(0, 0, 0, 1, 1, 1)))
    data = watch(n=6, window=8)
    assert sorted((data.inputs[:, 0, 0] // 1000).tolist()) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("window", [3, 0, 10, True, 8.0, "8"])
def test_a_window_that_cannot_be_is_refused(file, window):
    write(file, table())
    with pytest.raises(InputError, match=r"window=.*from 4 to 9"):
        watch(window=window)


class Hostile:
    def __reduce__(self):
        return (exec, ("raise RuntimeError('run')",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (Hostile(), "a pickle that names"),
        ({**table(), "X": Hostile()}, "a pickle that names"),
        ([1], "list in place of a dict"),
        ({"y": np.arange(3)}, "'X'"),
        ({**table(), "y": np.arange(2)}, "other shapes"),
        ({**table(), "X": [np.zeros((9, 5))] * 3}, "other shapes"),
        ({**table(), "X": [1, 2, 3]}, "numbers"),
        ({**table(), "X": 3}, "int"),
    ],
)
def test_another_file_is_refused_and_not_run(file, content, said):
    write(file, content)
    with pytest.raises(
        InputError, match=f"not seglearn's watch data.*{said}.*pip install --no-deps"
    ):
        watch()


def test_a_file_that_is_no_array_of_objects_is_refused(file):
    for content in (b"", b"text", b"\x93NUMPY\x07\x00"):
        file.write_bytes(content)
        with pytest.raises(InputError, match="not seglearn's watch data"):
            watch()
    np.save(file, np.zeros(3))
    with pytest.raises(InputError, match="an array of float64"):
        watch()


def test_without_seglearn_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(MODULE, "_recordings", MODULE._recordings.__wrapped__)
    monkeypatch.setitem(sys.modules, "seglearn", None)
    with pytest.raises(InputError, match="seglearn is not installed: pip install --no-deps segl"):
        watch()


def test_four_channels_are_the_acceleration_and_the_magnitude_of_the_turning():
    six, four = watch(n=70), watch(n=70, channels=4)
    assert torch.equal(four.inputs[..., :3], six.inputs[..., :3])
    turning = six.inputs[..., 3:].double().square().sum(-1).sqrt()
    torch.testing.assert_close(four.inputs[..., 3].double(), turning, rtol=1e-5, atol=1e-6)
    assert four.name == "watch(n=70, channels=4)"


def test_one_exercise_may_be_a_class_against_all_others():
    seven, two = watch(), watch(positive=6)
    assert two.labels.bincount().tolist() == [
        int((seven.labels != 6).sum()),
        int((seven.labels == 6).sum()),
    ]
    assert two.name == "watch(positive=6)"


@pytest.mark.parametrize("options", [{"channels": 5}, {"positive": 7}, {"positive": True}])
def test_channels_and_exercises_that_there_are_not_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        watch(**options)
