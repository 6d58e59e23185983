"""In which direction does a fault change the value of its word?"""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.module import module_of
from radhard.space import FaultSpace, Numbers
from radhard.targets.stored import stored_tensor

__all__ = ["DIRECTIONS", "Directions"]

DIRECTIONS = ("(none)", "up", "down", "unchanged", "NaN")
"""The directions of faults; codes are positions here."""

_NONE, _UP, _DOWN, _UNCHANGED, _NAN = range(len(DIRECTIONS))

_WORDS = 2**16
"""Words whose faults are computed together."""

Codes = npt.NDArray[np.uint8]


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

    def of_variant(self, place: int, variant: int) -> Codes:
        """The direction of the fault of one variant in each word of a region, in their order."""
        region = self._space.regions[place]
        if not self.known[place]:
            return np.zeros(region.words, np.uint8)
        found = np.empty(region.words, np.uint8)
        for begin in range(0, region.words, _WORDS):
            numbers = np.arange(begin, min(begin + _WORDS, region.words))
            positions = region.positions_of(numbers)
            variants = np.full(len(numbers), variant)
            found[numbers] = self._changes(place, positions, variants)
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
