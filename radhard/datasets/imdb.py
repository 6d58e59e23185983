"""How are the movie reviews of IMDB read?"""

from pathlib import Path

import torch

from radhard.datasets.data import Data
from radhard.datasets.naming import call
from radhard.datasets.split import Split, checked, chosen
from radhard.datasets.vocabulary import check_size, token_ids, vocabulary
from radhard.errors import InputError

__all__ = ["imdb"]


def imdb(
    folder: str | Path,
    *,
    split: Split = "test",
    n: int | None = None,
    words: int = 10_000,
    steps: int = 200,
) -> Data:
    """Is a movie review positive? 25,000 + 25,000 reviews (Maas et al., ACL 2011), from a folder.

    The folder is ``aclImdb`` as published: ``train/pos/*.txt``, ``train/neg/*.txt`` and the same in
    ``test``. Inputs are the numbers of words, as of `radhard.datasets.movie_reviews`; the
    vocabulary is that of the training reviews. Labels are 0 (negative) and 1 (positive).

    Args:
        folder: where the files are.
        split: ``"train"``, ``"test"`` or ``"all"``.
        n: how many samples; None takes all.
        words: size of the vocabulary, with the two numbers that are no words.
        steps: words of a sample; of longer reviews, the last ones.

    Raises:
        InputError: the files are missing or broken, or an argument is not allowed.
    """
    checked(split)
    check_size("words", words, 3)
    check_size("steps", steps, 1)
    place = Path(folder).expanduser()
    reviews = {
        half: _half(place, half) for half in ("train", "test")[: 1 if split == "train" else 2]
    }
    # Of the training reviews alone, also for testing: a vocabulary is learnt, and must not have
    # seen what it is tested on.
    numbers = vocabulary((text for text, _ in reviews["train"]), words)
    rows = [row for half, found in reviews.items() if split in (half, "all") for row in found]
    name = call(
        "imdb",
        str(folder),
        split=(split, "test"),
        n=(n, None),
        words=(words, 10_000),
        steps=(steps, 200),
    )
    inputs = token_ids([text for text, _ in rows], numbers, steps)
    return chosen(inputs, torch.tensor([label for _, label in rows]), n, name)


def _half(folder: Path, half: str) -> list[tuple[str, int]]:
    """The reviews of one half with their labels, by the names of their files."""
    found = []
    for label, kind in enumerate(("neg", "pos")):
        # Sorted, as the order in which a file system lists them differs between machines.
        files = sorted((folder / half / kind).glob("*.txt"))
        if not files:
            raise InputError(
                f"{folder} has no reviews {half}/{kind}/*.txt; give the folder aclImdb, as "
                "published"
            )
        try:
            found += [(file.read_text(encoding="utf-8"), label) for file in files]
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{folder}: a review cannot be read: {error}") from None
    return found
