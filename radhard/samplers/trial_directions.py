"""In which direction does the fault of each trial change its value, and how many faults do so?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from radhard.injection import DIRECTIONS, Directions
from radhard.samplers.array_text import numbers_of, text_of
from radhard.space import FaultSpace, Numbers
from radhard.word_sections import FaultKinds

__all__ = ["TrialDirections"]

_MOST_FAULTS, _MOST_TRIALS = 2**26, 2**24
"""Sizes of a space and of a campaign up to which directions are computed and recorded: the former
takes a few seconds, the latter a few megabytes of the run file."""

_ALL = len(DIRECTIONS)

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TrialDirections:
    """The directions of the faults of a space, counted, and that of the fault of each trial.

    They are recorded in the run file, as they follow from the values of the model's tensors.
    """

    counts: tuple[Numbers | None, ...]
    """For each region the number of faults by gate, variant and direction; None if its faults have
    no direction."""
    codes: Codes
    """For each trial the position of its direction in `DIRECTIONS`."""

    @classmethod
    def of(cls, model: nn.Module, space: FaultSpace, faults: Numbers) -> "TrialDirections | None":
        """The directions for trials with these faults; None if there are too many, or none.

        ``faults``: one for each trial.
        """
        if len(space) > _MOST_FAULTS or len(faults) > _MOST_TRIALS:
            return None
        directions = Directions(model, space)
        if not any(directions.known):
            return None
        return cls(counted(directions, space), directions.of(faults))

    def are_counted(self, kinds: FaultKinds) -> bool:
        """Whether the directions of the faults of each of these kinds are counted.

        They are by gate, and not by what else divides the words of a tensor, such as channels.
        """
        return all(
            counts is None or number in (1, len(counts))
            for number, counts in zip(kinds.counts, self.counts, strict=True)
        )

    def sizes(
        self, kinds: FaultKinds, place: int, variant: int, low: int, high: int
    ) -> Iterator[tuple[int, int]] | None:
        """Kind and number of the faults of one variant, by direction; kinds as in `numbered`.

        None if the words from ``low`` to ``high`` are not all words of the region, of which the
        directions are not known.
        """
        counts, pairs = self.counts[place], kinds.sizes(place, variant, low, high)
        if counts is None:
            return ((_ALL * kind, size) for kind, size in pairs)
        if low or high < kinds.space.words[place] - 1:
            return None
        if kinds.counts[place] != len(counts):
            counts = counts.sum(axis=0, keepdims=True)
        first, variants = int(kinds.starts[place]), int(kinds.space.variants[place])
        return (
            (_ALL * kind + at, size)
            for kind, _ in pairs
            for at, size in enumerate(counts[(kind - first) // variants, variant].tolist())
            if size
        )

    def numbered(self, kinds: Numbers, trials: Numbers) -> Numbers:
        """The kinds of the faults of some trials, with each kind divided by direction."""
        found: Numbers = _ALL * kinds + self.codes[trials]
        return found

    def to_dict(self) -> dict[str, Any]:
        """As values of JSON."""
        flat = [np.zeros(0, np.int64)] + [c.reshape(-1) for c in self.counts if c is not None]
        return {
            "known": [counts is not None for counts in self.counts],
            "counts": text_of(np.concatenate(flat)),
            "codes": text_of(self.codes),
            "trials": len(self.codes),
        }

    @classmethod
    def from_dict(cls, plain: Any, space: FaultSpace, trials: int) -> "TrialDirections":
        """The directions from `to_dict`, for a space and a number of trials.

        Raises:
            ValueError, TypeError, LookupError: ``plain`` is not such a result.
        """
        known = plain["known"]
        kinds = FaultKinds.of(space, ("gate",))
        shapes = [
            (n, int(v), _ALL) for n, v in zip(kinds.counts, space.variants.tolist(), strict=True)
        ]
        sizes = [int(np.prod(s)) for s, own in zip(shapes, known, strict=True) if own]
        flat = numbers_of(plain["counts"], np.int64, sum(sizes))
        parts = iter(np.split(flat, np.cumsum(sizes)[:-1]) if sizes else ())
        counts = tuple(
            next(parts).reshape(s) if own else None for s, own in zip(shapes, known, strict=True)
        )
        for own, words, shape in zip(counts, space.words.tolist(), shapes, strict=True):
            # By gate and direction together, every variant has one fault in each word.
            if own is not None and not (
                (own >= 0).all() and (own.sum(axis=(0, 2)) == words).all() and shape[1]
            ):
                raise ValueError("counts of directions that cannot be")
        codes = numbers_of(plain["codes"], np.uint8, trials)
        if codes.size and codes.max() >= _ALL:
            raise ValueError("a direction that there is not")
        return cls(counts, codes.astype(np.uint8))


def counted(directions: Directions, space: FaultSpace) -> tuple[Numbers | None, ...]:
    """For each region the number of faults by gate, variant and direction; None without any."""
    kinds = FaultKinds.of(space, ("gate",))
    found: list[Numbers | None] = []
    for place, region in enumerate(space.regions):
        if not directions.known[place]:
            found.append(None)
            continue
        sections, first = kinds.counts[place], int(kinds.starts[place])
        own = np.zeros(region.words, np.int64)
        if sections > 1:
            positions = region.positions_of(np.arange(region.words))
            here = np.full(len(positions), place)
            numbers = kinds.kinds(here, positions, np.zeros_like(here))
            own = (numbers - first) // region.variants
        found.append(directions.counts(place, own, sections))
    return tuple(found)
