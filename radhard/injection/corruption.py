"""How do faults in the words of a tensor change its values?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.formats import Format, ProtectedFormat
from radhard.space import Numbers, Region

__all__ = ["Hits", "corrupted", "in_rounds", "rescaled"]


@dataclass(frozen=True)
class Hits:
    """Faults in one tensor: the word of each, and the region whose fault model applies.

    ``places`` are positions in ``regions``; words are numbered within one sample.
    """

    regions: Sequence[Region]
    places: Numbers
    words: Numbers
    variants: Numbers

    def some(self, which: np.ndarray) -> "Hits":
        """The faults at these positions, or where a mask is True."""
        return Hits(self.regions, self.places[which], self.words[which], self.variants[which])

    def by_format(self) -> list[np.ndarray]:
        """The faults by the format of their words, each with its scale, as masks."""
        if not len(self.places):
            return []
        # By text: scales are fitted to the whole tensor, so that the same text has the same scale.
        places, which = np.unique(self.places, return_inverse=True)
        formats = [self.regions[place].format for place in places.tolist()]
        names = [repr(format) for format in formats] if len(formats) > 1 else [""]
        if len(set(names)) == 1:
            return [np.ones(len(self.places), dtype=bool)]
        own = np.array(names)[which]
        return [own == name for name in dict.fromkeys(own.tolist())]

    def in_plane(self, plane: str) -> np.ndarray:
        """Which of the faults lie in words of a plane, as a mask."""
        if len(self.places) == 1:
            return np.array([self.regions[self.places[0]].plane == plane])
        found = [p for p in np.unique(self.places).tolist() if self.regions[p].plane == plane]
        return np.isin(self.places, found)


Rounds = list[tuple[Numbers, Region, Numbers]]
"""Positions among the distinct words, the region, and the variant of the fault in each word.

In each round every word contains at most one fault.
"""


def in_rounds(words: Numbers, hits: Hits) -> tuple[Numbers, Rounds]:
    """The first occurrence of each distinct word, and the faults in rounds of one per word.

    ``words``: a key for each fault, equal for faults in the same word. Such faults are applied one
    after another, in the order given; those of a round can be applied at once.
    """
    if len(words) == 1:
        one = np.zeros(1, np.int64)
        return one, [(one, hits.regions[hits.places[0]], hits.variants)]
    _, first, which = np.unique(words, return_index=True, return_inverse=True)
    # The round of a fault is its rank among the faults of its word. The sort is stable, so that
    # faults of one word stay in the order given.
    turn = np.zeros(len(words), np.int64)
    order = np.argsort(which, kind="stable")
    start = np.searchsorted(which[order], np.arange(len(first)))
    turn[order] = np.arange(len(words)) - start[which[order]]
    rounds = []
    for t in range(turn.max(initial=-1) + 1):
        for place in np.unique(hits.places[turn == t]).tolist():
            here = (turn == t) & (hits.places == place)
            rounds.append((which[here], hits.regions[place], hits.variants[here]))
    return first, rounds


def corrupted(values: Tensor, words: Numbers, rounds: Rounds) -> Tensor:
    """Values after faults in their codes; ``words`` are the positions of the values."""
    device, region = values.device, rounds[0][1]

    def fitted(which: Numbers) -> Format:
        at = torch.from_numpy(words[which]).to(device)
        return region.format.take(at, region.site.shape)

    format = fitted(np.arange(len(words)))
    before = format.encode(values)
    # Fault models that change values, such as Noise, need the scales of exactly these words.
    codes = _after(before, fitted if format.has_scale else lambda _: format, rounds)
    # A word whose bits did not change keeps its value to the last bit, also where encoding and
    # decoding would round it.
    return torch.where(
        format.unchanged(before, codes), values, format.decode(codes).to(values.dtype)
    )


def rescaled(values: Tensor, words: Numbers, hits: Hits) -> Tensor:
    """Values of a tensor after faults in its scale; ``words`` are the positions of the values.

    A value is its code times the faulty scale, rounded to the tensor's dtype. A value that is not
    finite has no code and is left unchanged.
    """
    region, device = hits.regions[hits.places[0]], values.device
    format, shape = region.format, region.site.shape
    if isinstance(format, ProtectedFormat):
        format = format.inner  # to which the scale belongs
    after, moved = _new_scales(format, hits)
    places = torch.from_numpy(words).to(device)
    # Selecting values takes longer than computing all of them.
    if moved.all():
        return _under_scale(values, places, region, format, after)
    # Only values whose scale changed are computed anew.
    index = moved.to(device)[format.scale_index(places, shape)].nonzero()[:, 0]
    faulty = _under_scale(values[index], places[index], region, format, after)
    return values.index_copy(0, index, faulty)


def _under_scale(
    values: Tensor, places: Tensor, region: Region, format: Format, scale: Tensor
) -> Tensor:
    """Values at positions of a tensor if their codes are read with another scale."""
    shape, finite = region.site.shape, values.isfinite()
    codes = format.take(places, shape).encode(torch.where(finite, values, 0))
    faulty = format.scaled(scale).take(places, shape).decode(codes).to(values.dtype)
    return torch.where(finite, faulty, values)


def _new_scales(format: Format, hits: Hits) -> tuple[Tensor, Tensor]:
    """The scale after faults in its words, and which of the words changed, ``(words,)``."""
    scale, word = format.scale, format.scale_words()
    if scale is None:
        raise InputError(f"{format!r} has no scale, into which faults could be injected")
    first, rounds = in_rounds(hits.words, hits)
    at = torch.from_numpy(hits.words[first])
    before = scale.reshape(-1)[at.to(scale.device)].cpu()
    stored = word.encode(before)
    changed = _after(stored, lambda _: word, rounds)
    moved = torch.zeros(scale.numel(), dtype=torch.bool).index_put((at,), changed != stored)
    # A scale whose bits did not change keeps its value from before rounding to a word.
    faulty = torch.where(changed != stored, word.decode(changed).double(), before)
    after = scale.cpu().reshape(-1).index_put((at,), faulty)
    return after.reshape(scale.shape), moved


def _after(codes: Tensor, fitted: Callable[[Numbers], Format], rounds: Rounds) -> Tensor:
    """Codes after rounds of faults, applied one after another.

    ``fitted`` returns the format for some of the words, with the scale of each.
    """
    for which, region, variants in rounds:
        at = torch.from_numpy(which).to(codes.device)
        by = torch.from_numpy(variants).to(codes.device)
        codes = codes.index_copy(0, at, region.fault.corrupt(codes[at], by, fitted(which)))
    return codes
