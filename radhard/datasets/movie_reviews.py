"""Which rated sentences from movie reviews can be read?"""

import io
import math
import tarfile
from pathlib import Path

import torch
from torch import Tensor

from radhard.datasets.data import Data
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen, part
from radhard.datasets.vocabulary import check_size, token_ids, vocabulary
from radhard.errors import InputError

__all__ = ["movie_reviews"]

FILE = "movieReviewSnippets_GroundTruth.txt"
_INNER = "hutto_ICWSM_2014.tar.gz"
_LARGEST = 2**26
"""Maximum size in bytes of a file that is read into memory."""


def movie_reviews(
    file: str | Path,
    *,
    split: Split = "test",
    n: int | None = None,
    words: int = 5000,
    steps: int = 32,
) -> Data:
    """Is a sentence from a movie review positive? 10,605 sentences, from a file of yours.

    The sentences of Hutto and Gilbert (ICWSM 2014), each rated by people from -4 to 4, which come
    with the source archive of vaderSentiment (``pip download --no-deps --no-binary :all:
    vaderSentiment==3.3.2``). Inputs are the numbers of words, int64 ``(n, steps)``: 0 before the
    beginning, 1 for a word that is not among the ``words`` most frequent of the training sentences;
    labels are 1 where the mean rating is above 0. Every fifth sentence of a class is for testing;
    the first n samples hold both classes in their proportions.

    Args:
        file: the archive, or the file ``movieReviewSnippets_GroundTruth.txt`` in it.
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.
        words: size of the vocabulary, with the two numbers that are no words.
        steps: words of a sample; of longer sentences, the last ones.

    Raises:
        InputError: the file is missing or another one, or an argument is not allowed.
    """
    checked(split)
    check_size("words", words, 3)
    check_size("steps", steps, 1)
    texts, labels = _rated(_content(Path(file).expanduser()), file)
    numbers = vocabulary([texts[row] for row in part(labels, "train").tolist()], words)
    rows = part(labels, split)
    name = call(
        "movie_reviews",
        str(file),
        split=(split, "test"),
        n=(n, None),
        words=(words, 5000),
        steps=(steps, 32),
    )
    inputs = token_ids([texts[row] for row in rows.tolist()], numbers, steps)
    return chosen(inputs, labels[rows], n, name)


def _content(path: Path) -> bytes:
    """The file of ratings, which may be in an archive, or in an archive within that."""
    if not path.is_file():
        raise InputError(
            f"there is no file {path}; give the source archive of vaderSentiment 3.3.2, a .tar.gz "
            "file of PyPI"
        )
    try:
        # A larger file cannot be the one, and is not read into memory to find that out.
        content = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        for _ in range(2):
            if not content.startswith(b"\x1f\x8b"):
                break
            content = _member(content)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not content:
        raise InputError(f"{path} contains no {FILE}; give the source archive of vaderSentiment")
    return content


def _member(archive: bytes) -> bytes:
    """The file of ratings in an archive, or the archive that contains it; empty if neither."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
        # The file itself first; the archive is passed once for each, as members come in any order.
        for wanted in (FILE, _INNER):
            for member in opened:
                if member.isfile() and Path(member.name).name == wanted:
                    found = opened.extractfile(member)
                    if found is not None and member.size <= _LARGEST:
                        return found.read()
    return b""


def _rated(content: bytes, file: str | Path) -> tuple[list[str], Tensor]:
    """Sentences, and whether each is positive."""
    texts, labels = [], []
    # Some lines are not in UTF-8.
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            _, rating, text = line.split("\t", 2)
            value = float(rating)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise InputError(
                f"{file}, line {number}: no number, rating and sentence, separated by tabs"
            )
        texts.append(text)
        labels.append(int(value > 0))
    if not texts:
        raise InputError(f"{file} has no sentences")
    return texts, torch.tensor(labels)
