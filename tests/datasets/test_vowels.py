"""Are the vowels what they are said to be?"""

import sys

import pytest
import torch

from radhard.datasets import vowels
from radhard.datasets.installed import installed_file
from radhard.errors import InputError

MODULE = sys.modules["radhard.datasets.vowels"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A package of the same layout, in place of aeon."""
    folder = tmp_path / "datasets" / "data" / "JapaneseVowels"
    folder.mkdir(parents=True)
    monkeypatch.setattr(MODULE, "installed_file", lambda _, path, install: tmp_path / path)
    monkeypatch.setattr(MODULE, "_half", MODULE._half.__wrapped__)
    for half, lines in (("TRAIN", ["1,2:3,4:a", "5:6:b"]), ("TEST", ["7,8,9:1,2,3:b"])):
        text = "@classLabel true a b\n@data\n" + "\n".join(lines)
        (folder / f"JapaneseVowels_{half}.ts").write_text(text)
    return folder


def test_splits_have_the_sizes_promised():
    for split, count in (("train", 270), ("test", 370), ("all", 640)):
        data = vowels(split=split)
        assert data.inputs.shape == (count, 29, 12)
        assert data.inputs.dtype == torch.float32
        assert data.labels.unique().tolist() == list(range(9))
    assert vowels(split="train").labels.bincount().tolist() == [30] * 9
    assert vowels(n=9).fingerprint() == vowels().first(9).fingerprint()
    assert vowels(split="train", n=9).name == "vowels(split='train', n=9)"


def test_every_utterance_ends_at_the_last_step_and_lasts_7_to_29():
    silent = (vowels(split="all").inputs == 0).all(dim=2)
    lengths = 29 - silent.sum(dim=1)
    assert (lengths.min(), lengths.max()) == (7, 29)
    for row, length in zip(silent, lengths, strict=True):
        assert row[: 29 - length].all()


def test_values_are_those_of_the_file():
    path = "datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts"
    lines = installed_file("aeon", path, install="").read_text().splitlines()
    last = lines[-1].split(":")
    wanted = torch.tensor([[float(x) for x in channel.split(",")] for channel in last[:-1]])
    data = vowels(split="train")
    speaker = data.inputs[data.labels == int(last[-1]) - 1]
    assert torch.equal(speaker[-1, 29 - wanted.shape[1] :].T, wanted)


def test_zeros_come_before_shorter_series(files):
    data = vowels(split="train")
    assert data.labels.tolist() == [0, 1]
    assert data.inputs[0, -2:].tolist() == [[1, 3], [2, 4]]
    assert data.inputs[1, -1].tolist() == [5, 6]
    assert data.inputs.count_nonzero() == 6
    assert vowels(split="all").labels.tolist().count(1) == 2


def test_a_series_that_is_too_long_is_refused(files):
    steps = ",".join("1" * 30)
    (files / "JapaneseVowels_TEST.ts").write_text(f"@classLabel true a\n@data\n{steps}:a")
    with pytest.raises(InputError, match="30 steps, where at most 29"):
        vowels()


def test_without_aeon_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(MODULE, "_half", MODULE._half.__wrapped__)
    monkeypatch.setitem(sys.modules, "aeon", None)
    with pytest.raises(InputError, match="aeon is not installed: pip install --no-deps aeon==1"):
        vowels()


def test_an_unknown_split_names_the_near_one():
    with pytest.raises(InputError, match="did you mean train"):
        vowels(split="trian")
