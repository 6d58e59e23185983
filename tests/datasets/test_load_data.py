"""Does text become the data it names?"""

import pytest
import torch

from radhard import datasets
from radhard.errors import InputError

MINE = """
import torch
def pair(n=4):
    return torch.zeros(n, 2), torch.arange(n)
def broken():
    raise OSError("the disk is gone")
def number():
    return 7
"""


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return file


def test_text_and_options_say_the_same():
    one = datasets.load("digits(split='train', n=20)")
    other = datasets.load("digits", split="train", n=20)
    assert one.fingerprint() == other.fingerprint()
    assert one.name == other.name == "digits(split='train', n=20)"
    assert datasets.load(one.name).fingerprint() == one.fingerprint()


def test_a_factory_in_a_file_makes_data(mine):
    data = datasets.load(f"{mine}:pair(n=3)")
    assert data.labels.tolist() == [0, 1, 2]
    assert data.name == f"{mine}:pair(n=3)"
    assert len(datasets.load(f"{mine}:pair", n=6)) == 6


def test_a_factory_in_a_module_makes_data():
    data = datasets.load("radhard.datasets:digits(n=5)")
    assert torch.equal(data.inputs, datasets.digits(n=5).inputs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mnits", "did you mean mnist.*FromFolder"),
        ("digits(m=3)", r"'m'.*split.*n"),
        ("FromFolder", "path"),
        ("FromFolder('/no/such/folder')", "not a folder"),
        ("digits(n=1+1)", "literals"),
        ("digits(", "cannot be read"),
    ],
)
def test_text_that_names_nothing_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        datasets.load(text)


def test_an_option_given_twice_is_refused():
    with pytest.raises(InputError, match="gives n already"):
        datasets.load("digits(n=3)", n=4)


def test_a_factory_that_fails_says_what_it_said(mine):
    with pytest.raises(InputError, match="broken' failed: OSError: the disk is gone"):
        datasets.load(f"{mine}:broken")
    with pytest.raises(InputError, match="int is not data"):
        datasets.load(f"{mine}:number")


def test_everything_listed_has_a_meaning():
    rows = datasets.listed()
    names = {
        "FromFolder",
        "cifar10",
        "cifar100",
        "cohort",
        "digits",
        "imdb",
        "mimic3",
        "mnist",
        "movie_reviews",
        "photo_patches",
        "vowels",
        "watch",
    }
    assert {name for name, _ in rows} == names
    assert all(len(meaning) > 20 for _, meaning in rows)
