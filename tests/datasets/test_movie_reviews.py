"""Are reviews read as they were published?"""

import io
import tarfile

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from radhard.datasets import imdb, movie_reviews
from radhard.datasets.vocabulary import token_ids, vocabulary
from radhard.errors import InputError

LINES = [f"{n}\t{rating}\t{text}" for n, (rating, text) in enumerate(
    [(2.5, "A good, GOOD film."), (-1.0, "bad"), (0.0, "it's dull &amp; bad"), (1.25, "good\tfun")]
    * 5, start=1
)]  # fmt: skip


def packed(name: str, content: bytes) -> bytes:
    """An archive with one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo(f"folder/{name}")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "movieReviewSnippets_GroundTruth.txt"
    path.write_text("\n".join(LINES))
    return path


def test_sentences_are_numbered_words_with_the_sign_of_their_rating(plain):
    train = movie_reviews(plain, split="train", words=5, steps=3)
    test = movie_reviews(plain, words=5, steps=3)
    assert (len(train), len(test)) == (16, 4)
    assert len(movie_reviews(plain, split="all")) == 20
    # The most frequent words of the training sentences are "good", "bad" and "a".
    rows = {tuple(row) for row in train.inputs.tolist()}
    assert rows == {(2, 2, 1), (0, 0, 3), (1, 1, 3), (0, 2, 1)}
    positive = {(2, 2, 1), (0, 2, 1)}
    for row, label in zip(train.inputs.tolist(), train.labels.tolist(), strict=True):
        assert label == (tuple(row) in positive)
    assert train.inputs.dtype == torch.int64
    assert test.name == f"movie_reviews({str(plain)!r}, words=5, steps=3)"


def test_the_archive_of_the_package_is_read_as_it_is(plain, tmp_path):
    inner = packed(plain.name, plain.read_bytes())
    outer = packed("hutto_ICWSM_2014.tar.gz", inner)
    for number, content in enumerate((inner, outer)):
        path = tmp_path / f"{number}.tar.gz"
        path.write_bytes(content)
        assert movie_reviews(path).fingerprint() == movie_reviews(plain).fingerprint()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1\t2.0\tgood\n2\tgood\n", "line 2"),
        (b"1\tnan\tgood\n", "line 1"),
        (b"\n", "no sentences"),
        (packed("other.txt", b"1\t2\tgood"), "contains no movieReview"),
        (b"\x1f\x8bbroken", "cannot be read"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        movie_reviews(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"), [({"words": 2}, "words=2"), ({"steps": 0}, "steps=0"), ({"n": 99}, "n=99")]
)
def test_arguments_that_cannot_be_are_refused(plain, options, said):
    with pytest.raises(InputError, match=said):
        movie_reviews(plain, **options)
    with pytest.raises(InputError, match="source archive"):
        movie_reviews(plain.with_name("nothing"))


def test_reviews_of_imdb_are_read_from_their_folders(tmp_path):
    for half in ("train", "test"):
        for kind, text in (("pos", "good <br /> film"), ("neg", "bad film")):
            folder = tmp_path / half / kind
            folder.mkdir(parents=True)
            for number in range(3):
                (folder / f"{number}_7.txt").write_text(f"{text} {half}")
    train, test = imdb(tmp_path, split="train", steps=4), imdb(tmp_path, steps=4)
    assert train.inputs.shape == test.inputs.shape == (6, 4)
    assert len(imdb(tmp_path, split="all")) == 12
    assert sorted(train.labels.tolist()) == [0, 0, 0, 1, 1, 1]
    # Numbers by frequency, then alphabet; "test" is no word of the training reviews.
    for inputs, labels, last in ((train.inputs, train.labels, 3), (test.inputs, test.labels, 1)):
        for row, label in zip(inputs.tolist(), labels.tolist(), strict=True):
            assert row == ([0, 5, 2, last] if label else [0, 4, 2, last])
    with pytest.raises(InputError, match="aclImdb"):
        imdb(tmp_path / "train")


@given(
    st.lists(st.text("abc '&;<>É3", max_size=30), min_size=1, max_size=6),
    st.integers(3, 9),
    st.integers(1, 5),
)
def test_numbers_are_within_the_vocabulary(texts, size, steps):
    numbers = vocabulary(texts, size)
    ids = token_ids(texts, numbers, steps)
    assert ids.shape == (len(texts), steps)
    assert 0 <= int(ids.min()) <= int(ids.max()) < size
    # After the first word there is no padding.
    assert ((ids[:, 1:] > 0) | (ids[:, :-1] == 0)).all()
