"""Into which classes are faults divided by the scores of an analysis?"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.json_values import parse_json
from radhard.notes import Note
from radhard.samplers.fault_classes import Codes, Floats
from radhard.space import FaultSpace, Numbers

__all__ = ["ScoreClasses"]

_FORMAT = "radhard scores 1"

_LARGEST = 2**28
"""Maximum size of a file in bytes."""

_EDGES = (0.5, 0.8, 0.95, 0.99)
"""Quantiles of the scores of words that divide the classes from 1 to 5; 0 has those without."""


class ScoreClasses:
    """Classes by the score of the word, its channel or its tensor: ``scores`` is a file of scores.

    Raises:
        InputError: the file has no scores of tensors of the space.
    """

    notes: Sequence[Note] = ()

    def __init__(self, path: str, space: FaultSpace) -> None:
        self._space = space
        values, found = _values(Path(path)), []
        for site in space.sites:
            found.append(
                _by_word(values[site.name], site.name, site.shape) if site.name in values else None
            )
        # The edges are those of all words together, so that a class has equally vulnerable ones of
        # any tensor.
        every = np.concatenate([np.zeros(0), *(own for own in found if own is not None)])
        known = every[~np.isnan(every)]
        if not known.size:
            raise InputError(
                f"{path!r} has no scores of {', '.join(s.name for s in space.sites[:3])}; it has "
                f"those of {', '.join(list(values)[:3])}"
            )
        edges = np.quantile(known, _EDGES)
        self._codes = [None if own is None else _classes(own, edges) for own in found]
        codes = np.concatenate([c for c in self._codes if c is not None])
        # These means stand for rates, which are not negative.
        sums = np.bincount(codes[~np.isnan(every)], np.maximum(known, 0), minlength=6)
        counts = np.bincount(codes, minlength=6)
        self.means: Floats = sums / np.maximum(counts, 1)
        """The mean score of every class."""

    def of(self, faults: Numbers) -> tuple[Codes, Floats]:
        """As in `FaultClasses`; a score is no cap."""
        places, words, _ = self._space.locate(faults)
        found = np.zeros(len(faults), np.uint8)
        for place in np.unique(places).tolist():
            codes = self._codes[place]
            if codes is not None:
                here = places == place
                # Of activations, words are numbered sample by sample, and all samples have the
                # scores of one.
                found[here] = codes[words[here] % len(codes)]
        return found, np.ones(len(faults))

    def text(self, number: int, cap: float) -> str:  # noqa: ARG002
        """As in `FaultClasses`."""
        return f"score class {number}" if number else "no score"


def _values(path: Path) -> dict[str, npt.NDArray[np.float64]]:
    """The scores of each tensor in a file that `Scores.save` wrote."""
    if not path.is_file():
        raise InputError(f"there is no file {str(path)!r}; give scores that scores.save wrote")
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{str(path)!r} has over {_LARGEST:,} bytes; give scores by channel")
    try:
        plain: Any = parse_json(path.read_text(encoding="utf-8"))
        if plain["format"] != _FORMAT:
            raise ValueError(f"its format is {plain['format']!r}")
        level = str(plain["level"])
        values = {
            str(name): np.array(one["scores"], dtype=np.float64).reshape(one["shape"])
            for name, one in plain["values"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, json.JSONDecodeError) as error:
        raise InputError(f"{str(path)!r} has no scores that can be read ({error})") from None
    if level == "bit":
        raise InputError(
            f"{str(path)!r} has scores by bit, and strata are divided by bit anyway; give scores "
            "by element, channel or tensor"
        )
    return values


def _by_word(
    scores: npt.NDArray[np.float64], name: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """The score of every word of a tensor, from those of words, channels or the whole."""
    size = int(np.prod(shape))
    if scores.shape == shape:
        return scores.reshape(-1)
    if scores.size == 1:
        return np.full(size, float(scores.reshape(-1)[0]))
    if shape and scores.shape == (shape[0],):
        return np.repeat(scores, size // shape[0])
    raise InputError(
        f"{name!r} has scores of shape {scores.shape} and is of shape {shape}; give scores of its "
        "words, of its output channels, or one"
    )


def _classes(scores: npt.NDArray[np.float64], edges: Floats) -> Codes:
    codes = 1 + np.searchsorted(edges, scores, side="right")
    found: Codes = np.where(np.isnan(scores), 0, codes).astype(np.uint8)
    return found
