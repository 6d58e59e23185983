"""Which words share a format, a fault model and an exposure?"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.faults import BitFlip, FaultModel
from radhard.formats import Format
from radhard.space.exposure import Exposure, exposure_of
from radhard.space.plane import shape_of, word_of
from radhard.space.word_subset import WordSubset
from radhard.targets import Site, Target

__all__ = ["Numbers", "Region", "check_one_format"]

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Region:
    """The words of one plane of one tensor, and the faults that are possible in them.

    ``format`` is the tensor's, with its scale. ``plane``: ``"codes"``, one word for each value of
    the tensor, ``"scale"``, the word or words by which all codes are multiplied, or ``"check"``,
    the check bits of its blocks. Words are numbered in row-major order of `shape`, with the samples
    first if each has its own words; those of a ``subset`` keep their positions in the tensor.
    """

    site: Site
    target: Target
    fault: FaultModel
    format: Format
    plane: str = "codes"
    subset: WordSubset | None = None
    """The values (of each sample) whose words belong to the region; None: all of them."""
    asked: Exposure | None = None
    """The exposure, if it is not the usual one of the tensor."""

    @cached_property
    def exposure(self) -> Exposure:
        """How long a fault is present."""
        return exposure_of(self.site, self.asked)

    @cached_property
    def word(self) -> Format:
        """The format of the words; it differs from the tensor's if they are its scale."""
        return word_of(self.format, self.plane)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the words, of one sample if each has its own words."""
        return shape_of(self.site, self.format, self.plane)

    @cached_property
    def words(self) -> int:
        """Number of words in which a fault may begin: all, unless a fault affects several."""
        if self.fault.span == 1:
            return self.all_words
        # Rounded up for each sample: its last line may be shorter, and no line reaches into the
        # next sample.
        return -(-math.prod(self.shape) // self.fault.span) * (self.site.samples or 1)

    @property
    def all_words(self) -> int:
        """Number of words."""
        of_sample = math.prod(self.shape) if self.subset is None else len(self.subset.positions)
        return of_sample * (self.site.samples or 1)

    def positions_of(self, numbers: Numbers) -> Numbers:
        """The position in the tensor of each word, given by its number within the region."""
        if (span := self.fault.span) > 1:
            size = math.prod(self.shape)
            samples, lines = np.divmod(numbers, -(-size // span))
            first: Numbers = samples * size + lines * span
            return first
        if self.subset is None:
            return numbers
        positions = self.subset.positions
        sample, inner = np.divmod(numbers, len(positions))
        found: Numbers = sample * self.subset.size + positions[inner]
        return found

    def number_of(self, position: int) -> int | None:
        """The number of the word at a position in the tensor; None if it is not in the region."""
        number = position
        if (span := self.fault.span) > 1:
            size = math.prod(self.shape)
            sample, inner = divmod(position, size)
            # A line is named by its first word; no fault begins in the others.
            if inner % span:
                return None
            number = sample * -(-size // span) + inner // span
        if self.subset is not None:
            sample, inner = divmod(position, self.subset.size)
            positions = self.subset.positions
            at = int(np.searchsorted(positions, inner))
            if at == len(positions) or positions[at] != inner:
                return None
            number = sample * len(positions) + at
        return number if 0 <= number < self.words else None

    @property
    def by_word(self) -> bool:
        """Whether a fault changes at most the value at the position of its word."""
        return self.plane == "codes" and self.format.by_word and self.fault.span == 1

    def affected_words(self, first: Numbers) -> Numbers:
        """How many words a fault affects that begins in each of some words."""
        size = math.prod(self.shape)
        # What is left of the sample, where its last line is shorter.
        counts: Numbers = np.minimum(self.fault.span, size - first % size)
        return counts

    @cached_property
    def variants(self) -> int:
        """Faults per word.

        Raises:
            InputError: the fault model selects what the words do not have, or affects more words
                at once than there are.
        """
        if self.fault.span > 1:
            self._check_span()
        try:
            return self.fault.variants(self.word)
        except InputError as error:
            # The plane is often chosen by default, and the message is about its words alone.
            if self.plane != "codes":
                raise InputError(
                    f"{error}; it is the format of the {self.plane} of {self.site.name!r}: take "
                    "planes='codes' for the words of its values"
                ) from None
            if "check" in self.format.planes:
                raise InputError(
                    f"{error}; its check bits are stored apart: take planes='check' for these"
                ) from None
            raise

    def _check_span(self) -> None:
        size = math.prod(self.shape)
        if self.fault.span > size:
            raise InputError(
                f"{self.fault!r} is longer than {self.site.name!r}, which has {size} "
                f"word{'' if size == 1 else 's'}; give fewer words, or leave this tensor out"
            )
        if self.subset is not None:
            raise InputError(
                f"{self.fault!r} affects adjacent words, and only some words of "
                f"{self.site.name!r} are chosen; give words=None"
            )

    @property
    def bits_of(self) -> str:
        """To what the bits of the words belong: only bits with the same text are comparable.

        >>> from radhard.faults import BitFlip
        >>> from radhard.formats import Int
        >>> from radhard.targets import Weights
        >>> site = Site("fc.weight", (10, 84), "weight", "fc", "Linear", "float32")
        >>> Region(site, Weights("*"), BitFlip(), Int(8)).bits_of
        'Int(8)'
        """
        return repr(self.format) + ("" if self.plane == "codes" else f" {self.plane}")

    @property
    def single_flips(self) -> bool:
        """Whether every fault flips one bit of a value's own word."""
        return isinstance(self.fault, BitFlip) and self.fault.count == 1 and self.by_word

    def bits(self, variant: int) -> tuple[int, ...]:
        """The bit positions of the word that a variant affects, ascending."""
        return self.fault.fault_bits(variant, self.word)

    def fields(self, variant: int) -> tuple[str, ...]:
        """The fields of the word that a variant affects, lowest bit first."""
        return tuple(dict.fromkeys(self.word.field(bit) for bit in self.bits(variant)))

    def bit_text(self, variant: int) -> str:
        """The bits that a variant affects as text, ``"3+4"``; ``"all"`` for whole words."""
        return "+".join(map(str, self.bits(variant))) if self.fault.by_bit else "all"

    def field_text(self, variant: int) -> str:
        """The fields that a variant affects as text; ``"all"`` for whole words."""
        return "+".join(self.fields(variant)) if self.fault.by_bit else "all"

    def faulty(self, values: Tensor, words: Tensor, variants: Tensor) -> Tensor:
        """Values of the tensor with one fault each in their codes, ``(words,)``; only `by_word`.

        ``words`` are their flat positions (in one sample). A value whose code does not change
        is preserved to the last bit.
        """
        format = self.format.take(words.to(values.device), self.site.shape)
        before = format.encode(values)
        return self._decoded(values, before, variants.to(values.device), format)

    def faulty_by_variant(self, values: Tensor, words: Tensor) -> Iterator[Tensor]:
        """The values that `faulty` gives, for each variant of the fault model in turn."""
        format = self.format.take(words.to(values.device), self.site.shape)
        # Once for all variants: to encode takes longer than a fault.
        before = format.encode(values)
        for variant in range(self.variants):
            variants = torch.tensor(variant, device=before.device).expand_as(before)
            yield self._decoded(values, before, variants, format)

    def _decoded(self, values: Tensor, before: Tensor, variants: Tensor, format: Format) -> Tensor:
        """Values after faults in their codes, of which ``before`` are those without a fault."""
        after = self.fault.corrupt(before, variants, format)
        faulty = format.decode(after).to(values.dtype)
        same = format.unchanged(before, after)
        # A flipped bit always changes the code, so that no value is to be kept.
        return torch.where(same, values, faulty) if same.any() else faulty


def check_one_format(regions: Sequence[Region]) -> None:
    """Check that each value has one format, and that no fault is in the space twice.

    Raises:
        InputError: a value has two formats, or a fault occurs twice.
    """
    before: dict[str, list[Region]] = {}
    for region in regions:
        name = region.site.name
        for other in before.setdefault(name, []):
            # Other words of the same tensor may have another format.
            if region.subset is not None and not region.subset.meets(other.subset):
                continue
            same = region.format is other.format or repr(region.format) == repr(other.format)
            # The text of a format does not contain its scale.
            if not same or region.format.scales() != other.format.scales():
                raise InputError(
                    f"{name!r} cannot be stored as {other.format!r} and as {region.format!r} at "
                    "once; give it one format, or each some of its words"
                )
            kinds = [(r.plane, repr(r.fault), repr(r.exposure)) for r in (region, other)]
            if kinds[0] == kinds[1]:
                raise InputError(
                    f"{region.fault!r} in the {region.plane} of {name!r} is in the space twice; "
                    "leave one out"
                )
        before[name].append(region)
