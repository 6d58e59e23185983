"""How are all faults of some regions numbered?"""

import itertools
from collections.abc import Sequence

import numpy as np

from radhard.errors import InputError
from radhard.space.region import Numbers, Region

__all__ = ["Numbering"]

_MOST = 2**63
"""So that the number of a fault fits into 64 bits."""


class Numbering:
    """The numbers of all faults: region by region, word by word, variant by variant.

    Raises:
        InputError: there are too many faults.
    """

    def __init__(self, regions: Sequence[Region]) -> None:
        self.regions = regions
        self.words: Numbers = np.array([r.words for r in regions], dtype=np.int64)
        """Words per region."""
        self.variants: Numbers = np.array([r.variants for r in regions], dtype=np.int64)
        """Faults per word, for each region."""
        # Python integers, as int64 would overflow before the limit could be checked.
        sizes = [region.words * region.variants for region in regions]
        if sum(sizes) >= _MOST:
            raise InputError(f"{sum(sizes):.3g} faults are too many to be numbered; below 2**63")
        self.starts: Numbers = _sums(sizes)
        """Number of the first fault of each region; the last entry is the number of faults."""
        self.word_starts: Numbers = _sums(self.words.tolist())
        """Number of the first word of each region; the last entry is the number of words."""
        self.variant_starts: Numbers = _sums(self.variants.tolist())
        """Number of the first variant of each region, with the variants of all regions numbered."""
        self._in_part = [
            (place, region)
            for place, region in enumerate(regions)
            if region.subset is not None or region.fault.span > 1
        ]
        """Regions in which faults do not begin in every word of their tensor."""
        self._lines = [place for place, r in enumerate(regions) if r.fault.span > 1]

    def __len__(self) -> int:
        return int(self.starts[-1])

    def locate(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        """Position in `regions`, word within the region, and variant of each of many faults.

        The word is its position in the tensor if the region covers only some of the values.
        """
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self)):
            wrong = int(numbers[(numbers < 0) | (numbers >= len(self))].flat[0])
            raise InputError(f"there is no fault {wrong}; fault numbers are 0 to {len(self) - 1}")
        # A region without faults starts where the next one does; side="right" skips it.
        places = np.searchsorted(self.starts, numbers, side="right") - 1
        words, variants = np.divmod(numbers - self.starts[places], self.variants[places])
        for place, region in self._in_part:
            here = places == place
            words[here] = region.positions_of(words[here])
        return places, words, variants

    def affected(self, numbers: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Every word that some faults affect: region, word and variant, and which of the faults.

        As `locate`, with all words of the faults that affect several (`FaultModel.span`).
        """
        places, words, variants = self.locate(numbers)
        owners = np.arange(len(places))
        if not self._lines:
            return places, words, variants, owners
        counts = np.ones(len(places), np.int64)
        for place in self._lines:
            here = places == place
            counts[here] = self.regions[place].affected_words(words[here])
        # A fault in a line becomes one row for each of its words, in the order of the faults.
        owners = np.repeat(owners, counts)
        # The position of each word in its line: its index less that of the first word of the fault.
        offsets = np.arange(len(owners)) - (np.cumsum(counts) - counts)[owners]
        places, words, variants = places[owners], words[owners] + offsets, variants[owners]
        for place in self._lines:
            here, region = places == place, self.regions[place]
            # What a fault does may differ along its line.
            variants[here] = region.fault.along(variants[here], offsets[here], region.word)
        return places, words, variants, owners

    def word_numbers(self, numbers: Numbers) -> Numbers:
        """The number of the word of each of many faults, counted over all regions."""
        places = np.searchsorted(self.starts, numbers, side="right") - 1
        inner = (numbers - self.starts[places]) // self.variants[places]
        found: Numbers = self.word_starts[places] + inner
        return found

    def number(self, place: int, word: int, variant: int) -> int | None:
        """The number of a fault in the region at a position; None if it is not possible there."""
        if not 0 <= variant < self.variants[place]:
            return None
        inner = self.regions[place].number_of(word)
        if inner is None:
            return None
        return int(self.starts[place]) + inner * int(self.variants[place]) + variant


def _sums(counts: Sequence[int]) -> Numbers:
    return np.array([0, *itertools.accumulate(counts)], dtype=np.int64)
