"""In which direction does a fault change the value of its word?"""

import itertools
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.module import module_of
from radhard.space import FaultSpace, Numbers
from radhard.space.region import Region
from radhard.targets.stored import stored_tensor

__all__ = ["DIRECTIONS", "Directions"]

DIRECTIONS = ("(none)", "up", "down", "unchanged", "NaN")
"""The directions of faults; codes are positions here."""

_NONE, _UP, _DOWN, _UNCHANGED, _NAN = range(len(DIRECTIONS))

_WORDS = 2**14
"""Words whose faults are counted together: few enough to stay in a processor's cache."""

_BITS_OF_BYTES = np.arange(256)[:, None] >> np.arange(8) & 1
"""The eight bits of every value of a byte, lowest first."""

Codes = npt.NDArray[np.uint8]

Reals = npt.NDArray[np.floating[Any]]


class Directions:
    """The directions in which the faults of a space change the values that a model holds.

    A fault changes its value up or down, leaves it as it is (a bit stuck at what it is, a word that
    its code corrects, a zero that changes its sign) or makes it NaN. A fault that changes several
    values (in a scale, in check bits, in a line of words), or a value that only a forward pass
    computes (an activation, an input, a state), has no direction: ``"(none)"``. No forward pass is
    needed. The model must not be changed while this is in use.
    """

    def __init__(self, model: nn.Module, space: FaultSpace) -> None:
        self._model, self._space = module_of(model), space

    def of(self, faults: Numbers) -> Codes:
        """The direction of each fault, given by its number."""
        places, words, variants = self._space.locate(faults)
        found = np.zeros(len(faults), np.uint8)
        for place in np.unique(places).tolist():
            if self.known[place]:
                here = np.flatnonzero(places == place)
                found[here] = self._changes(place, words[here], variants[here])
        return found

    def counts(self, place: int, sections: Numbers, number: int) -> Numbers:
        """The number of faults of a region by section, variant and direction.

        ``sections`` are those of its words in their order, ``number`` is how many there are.
        """
        region = self._space.regions[place]
        found = np.zeros((number, region.variants, len(DIRECTIONS)), np.int64)
        for begin in range(0, region.words, _WORDS):
            end = min(begin + _WORDS, region.words)
            at = torch.from_numpy(region.positions_of(np.arange(begin, end)))
            values, own = self._values(place)[at], sections[begin:end]
            if (codes := _codes(region, values)) is not None:
                ordered = _ordered(region, values, codes)
                mine = ordered.numpy()
                found += _by_bit(region, codes[ordered].numpy(), own[mine], number)
                values, at, own = values[~ordered], at[~ordered], own[~mine]
            if len(at):
                _compare(region, values, at, own, found)
        # What is neither above, nor below, nor the same is no number.
        words_of = np.bincount(sections, minlength=number)[:, None]
        found[:, :, _NAN] = words_of - found.sum(axis=2)
        return found

    @cached_property
    def known(self) -> tuple[bool, ...]:
        """For each region, whether its faults have a direction."""
        return tuple(
            region.by_word and not region.site.flows and region.site.samples is None
            for region in self._space.regions
        )

    def _changes(self, place: int, words: Numbers, variants: Numbers) -> Codes:
        """The directions of some faults of a region, whose words are positions in its tensor."""
        region = self._space.regions[place]
        at = torch.from_numpy(np.ascontiguousarray(words))
        values = self._values(place)[at]
        faulty = region.faulty(values, at, torch.from_numpy(np.ascontiguousarray(variants)))
        if values.element_size() < 2:
            # torch does not compare its formats of 8 bits; single precision holds them exactly.
            values, faulty = values.float(), faulty.float()
        # At most one of the three is true, and none for NaN. Sums are faster than masks.
        found = _NAN - (_NAN - _UP) * (faulty > values).to(torch.uint8)
        found -= (_NAN - _DOWN) * (faulty < values)
        found -= (_NAN - _UNCHANGED) * (faulty == values)
        codes: Codes = found.numpy()
        return codes

    def _values(self, place: int) -> Tensor:
        """The values of the tensor of a region, flat, on the CPU."""
        tensor = stored_tensor(self._model, self._space.sites[place].name)
        return tensor.cpu().reshape(-1)


def _codes(region: Region, values: Tensor) -> Tensor | None:
    """The codes of words, if their faults are flips of one bit, which may tell the direction."""
    # torch does not compare its formats of 8 bits, and check words are integers.
    floating = values.is_floating_point() and values.element_size() >= 2
    if not region.single_flips or region.format.has_scale or not floating:
        return None
    return region.format.encode(values)


def _ordered(region: Region, values: Tensor, codes: Tensor) -> Tensor:
    """The words of which the flipped bit alone tells in which direction the value moves."""
    decoded = region.format.decode(codes)
    own, other = torch.finfo(values.dtype), torch.finfo(decoded.dtype)
    if own.eps > other.eps or own.max < other.max or own.tiny > other.tiny:
        # Faulty values are rounded to the dtype of the tensor, and small changes vanish.
        return torch.zeros(len(codes), dtype=torch.bool)
    # A value that its code rounds is not the one that flips of the code move.
    return region.format.ordered_flips(codes) & (decoded.to(values.dtype) == values)


def _by_bit(region: Region, codes: npt.NDArray[np.int64], own: Numbers, number: int) -> Numbers:
    """The number of faults by section, variant and direction, of words with `_ordered` flips.

    How often each bit is 1 among positive and among negative words is counted by byte: 256 values
    of every eight bits are fewer than the words.
    """
    bits = [region.bits(variant)[0] for variant in range(region.variants)]
    sign = region.format.bits - 1
    groups = 2 * own + (codes >> sign & 1)
    size = np.bincount(groups, minlength=2 * number)
    ones = np.zeros((2 * number, 64), np.int64)
    for byte in range(-(-region.format.bits // 8)):
        index = groups * 256 + (codes >> 8 * byte & 255)
        counts = np.bincount(index, minlength=2 * number * 256).reshape(-1, 256)
        ones[:, 8 * byte : 8 * byte + 8] = counts @ _BITS_OF_BYTES
    raised, size = ones[:, bits].reshape(number, 2, -1), size.reshape(number, 2, 1)
    positive, negative = size[:, 0], size[:, 1]
    found = np.zeros((number, len(bits), len(DIRECTIONS)), np.int64)
    # A bit that becomes 1 makes a positive number larger and a negative one smaller.
    found[:, :, _UP] = positive - raised[:, 0] + raised[:, 1]
    at_sign = [bit == sign for bit in bits]
    found[:, at_sign, _UP] = negative
    found[:, :, _DOWN] = positive + negative - found[:, :, _UP]
    return found


def _compare(region: Region, values: Tensor, at: Tensor, own: Numbers, found: Numbers) -> None:
    """Add the number of faults by section, variant and direction, from the faulty values."""
    # Words of one section mostly follow each other, so that a stretch of them is counted as a
    # whole, which takes a fraction of the time of counting by index.
    edges = [0, *(np.flatnonzero(own[1:] != own[:-1]) + 1).tolist(), len(own)]
    stretches = [(int(own[a]), slice(a, b)) for a, b in itertools.pairwise(edges)]
    before = _comparable(values)
    with np.errstate(invalid="ignore"):  # NumPy may warn of a signalling NaN
        for variant, faulty in enumerate(region.faulty_by_variant(values, at)):
            for direction, flags in _compared(_comparable(faulty), before):
                for section, words in stretches:
                    found[section, variant, direction] += np.count_nonzero(flags[words])


def _comparable(values: Tensor) -> Reals:
    """Values as an array, which NumPy compares several times faster than torch.

    Those of 16 bits as single precision, which holds them exactly; NumPy has no bfloat16.
    """
    array: Reals = (values.float() if values.element_size() < 4 else values).numpy()
    return array


def _compared(after: Reals, before: Reals) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """Which values move in each direction; not NaN, which is what is left."""
    up, down = after > before, after < before
    yield _UP, up
    yield _DOWN, down
    # Most faults change all values to other numbers, and nothing is left to be compared.
    if np.count_nonzero(up) + np.count_nonzero(down) < len(after):
        yield _UNCHANGED, after == before
