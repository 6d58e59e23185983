"""How does text become numbers that a network can read?"""

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from radhard.errors import InputError

__all__ = ["PADDING", "UNKNOWN", "check_size", "token_ids", "vocabulary", "words_of"]

PADDING, UNKNOWN = 0, 1
"""The numbers before the beginning of a short text, and of words that are not in the vocabulary."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_TAG = re.compile(r"<[^<>]{1,40}>")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation and HTML tags.

    >>> words_of("It's <br />Lovely &amp; Amazing... 3 times!")
    ["it's", 'lovely', 'amazing', '3', 'times']
    """
    return _WORD.findall(_TAG.sub(" ", html.unescape(text)).lower())


def vocabulary(texts: Iterable[str], size: int) -> dict[str, int]:
    """A number from 2 for each of the most frequent words; words of equal frequency by alphabet.

    >>> vocabulary(["a good film", "a bad film", "a film"], 5)
    {'a': 2, 'film': 3, 'bad': 4}
    """
    counts = Counter(word for text in texts for word in words_of(text))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(ordered[: size - 2], start=2)}


def token_ids(texts: Sequence[str], numbers: Mapping[str, int], steps: int) -> Tensor:
    """The numbers of the last ``steps`` words of each text, int64 ``(texts, steps)``.

    Shorter texts begin with padding, so that the last step is always a word.

    >>> token_ids(["a bad film indeed", "film"], {"a": 2, "bad": 3, "film": 4}, 3)
    tensor([[3, 4, 1],
            [0, 0, 4]])
    """
    ids = torch.full((len(texts), steps), PADDING, dtype=torch.int64)
    for row, text in zip(ids, texts, strict=True):
        words = words_of(text)[-steps:]
        if words:
            row[-len(words) :] = torch.tensor([numbers.get(word, UNKNOWN) for word in words])
    return ids


def check_size(name: str, value: object, least: int) -> None:
    """Raise `InputError` unless an argument is a whole number from ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}={value!r} is not allowed; give a whole number from {least}")
