"""Which words share a format, a fault model and an exposure?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults import FaultModel
from radhard.formats import Format
from radhard.space.exposure import Exposure, exposure_of
from radhard.space.plane import shape_of, word_of
from radhard.targets import Site, Target

__all__ = ["Region", "demand_one_format"]


@dataclass(frozen=True)
class Region:
    """The words of one plane of one tensor, and what may happen to them.

    ``format`` is the tensor's, with its scale. ``plane``: ``"codes"``, one word for each value of
    the tensor, or ``"scale"``, the word or words by which all codes are multiplied. Words are
    counted in row-major order of `shape`, the samples first where they are told apart.
    """

    site: Site
    target: Target
    fault: FaultModel
    format: Format
    plane: str = "codes"

    @cached_property
    def exposure(self) -> Exposure:
        """How long a fault is there."""
        return exposure_of(self.site)

    @cached_property
    def word(self) -> Format:
        """The format of the words: another one than the tensor's if they are its scale."""
        return word_of(self.format, self.plane)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the words, of one sample where samples are told apart."""
        return shape_of(self.site, self.format, self.plane)

    @cached_property
    def words(self) -> int:
        """How many words there are."""
        return math.prod(self.shape) * (self.site.samples or 1)

    @cached_property
    def variants(self) -> int:
        """Faults per word."""
        return self.fault.variants(self.word)

    @property
    def bits_of(self) -> str:
        """Whose bits the words have: a bit of one is not the same as that of another.

        >>> from radhard.faults import BitFlip
        >>> from radhard.formats import Int
        >>> from radhard.targets import Weights
        >>> site = Site("fc.weight", (10, 84), "weight", "fc", "Linear", "float32")
        >>> Region(site, Weights("*"), BitFlip(), Int(8)).bits_of
        'Int(8)'
        """
        return repr(self.format) + ("" if self.plane == "codes" else f" {self.plane}")

    def bits(self, variant: int) -> tuple[int, ...]:
        """The bit positions of the word that a variant concerns, ascending."""
        return self.fault.struck(variant, self.word)

    def fields(self, variant: int) -> tuple[str, ...]:
        """The parts of the word that a variant concerns, lowest bit first."""
        return tuple(dict.fromkeys(self.word.field(bit) for bit in self.bits(variant)))

    def faulty(self, values: Tensor, words: Tensor, variants: Tensor) -> Tensor:
        """Values of the tensor after one fault each in their codes, ``(words,)``.

        ``words`` are their flat positions (in one sample). A value whose code does not change
        stays to the last bit.
        """
        format = self.format.take(words.to(values.device), self.site.shape)
        before = format.encode(values)
        after = self.fault.corrupt(before, variants.to(values.device), format)
        return torch.where(after == before, values, format.decode(after).to(values.dtype))


def demand_one_format(regions: Sequence[Region]) -> None:
    """See to it that a tensor is stored in one way, and that no fault is there twice.

    Raises:
        InputError: it is not.
    """
    formats: dict[str, Format] = {}
    seen = set()
    for region in regions:
        name = region.site.name
        held = formats.setdefault(name, region.format)
        same = held is region.format or repr(held) == repr(region.format)
        if not same or held.scales() != region.format.scales():
            raise InputError(
                f"{name!r} cannot be stored as {held!r} and as {region.format!r} at once; give it "
                "one format"
            )
        key = (name, region.plane, repr(region.fault), repr(region.exposure))
        if key in seen:
            raise InputError(
                f"{region.fault!r} in the {region.plane} of {name!r} is in the space twice; leave "
                "one out"
            )
        seen.add(key)
