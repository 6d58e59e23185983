"""Which bits are constant in sets of weights, and which of these are critical?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from radhard.analyses.simultaneous_flips import simultaneous_flips
from radhard.faults import BitFlip
from radhard.formats import Format
from radhard.hardenings.scrubbing.bit_scrubber import format_of_words, words
from radhard.space import FaultSpace
from radhard.stats import percent
from radhard.targets import Weights
from radhard.workload import Workload

__all__ = ["BitSet", "critical_masks"]

_SHOWN = 8
"""Number of bits of each set whose effect is written down."""


@dataclass(frozen=True)
class BitSet:
    """A set of weights of one format, and the bits that have the same value in all of them."""

    members: Mapping[str, Tensor]
    ones: int
    """A word with the bits that are 1 in all words."""
    zeros: int
    """A word with the bits that are 0 in all words."""

    @classmethod
    def of(cls, members: Mapping[str, Tensor]) -> "BitSet":
        """The set of some tensors, by name."""
        ones = _all(_always(words(weight)) for weight in members.values())
        zeros = _all(_always(~words(weight)) for weight in members.values())
        return cls(members, ones, zeros)

    @property
    def constant(self) -> int:
        """A word with the constant bits."""
        return self.ones | self.zeros

    @property
    def format(self) -> Format:
        """The format of the words."""
        return format_of_words(*next(iter(self.members.items())))

    @property
    def name(self) -> str:
        """The set in messages: its tensor, or the first one and how many more."""
        first, *others = self.members
        return f"{first} and {len(others)} more" if others else first


def critical_masks(
    workload: Workload, sets: Sequence[BitSet], *, least: float
) -> tuple[list[int], str]:
    """For every set a word with its critical constant bits, and what their flips did, as text.

    A bit is critical if its flip in all words of the set changes the prediction, or makes the
    output NaN, of a share ``least`` of the samples.
    """
    formats = {name: one.format for one in sets for name in one.members}
    space = FaultSpace.of(workload.model, Weights("*"), BitFlip(), formats)
    places = {region.site.name: place for place, region in enumerate(space.regions)}
    flips = [
        (number, bit)
        for number, one in enumerate(sets)
        for bit in reversed(range(one.format.bits))
        if one.constant >> bit & 1
    ]
    effects = simultaneous_flips(
        workload, space, [([places[name] for name in sets[n].members], bit) for n, bit in flips]
    )
    masks = [0] * len(sets)
    shown: dict[int, list[str]] = {}
    for (number, bit), harm in zip(flips, effects.harm.tolist(), strict=True):
        critical = harm >= least
        masks[number] |= critical << bit
        shown.setdefault(number, []).append(
            f"bit {bit} {percent(harm)}{'' if critical else ' (not held)'}"
        )
    texts = [
        f"{sets[number].name}: {', '.join(found[:_SHOWN])}"
        + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        for number, found in shown.items()
    ]
    text = "; ".join(texts) or "there is none"
    return masks, f"outputs affected by a flip of a constant bit in all words: {text}"


def _always(stored: Tensor) -> int:
    """A word with the bits that are 1 in all words."""
    bits = 8 * stored.element_size()
    rest = stored.flatten()
    # torch has no reduction by AND. Halving takes log2(n) vector operations instead of n steps.
    while len(rest) > 1:
        half = len(rest) // 2
        # If the number is odd, the middle word is used twice, which does not change the result.
        rest = rest[:half] & rest[half : 2 * half] if len(rest) % 2 == 0 else _odd(rest, half)
    # As an unsigned number, for hexadecimal text.
    return int(rest[0]) & ((1 << bits) - 1)


def _odd(rest: Tensor, half: int) -> Tensor:
    return rest[: half + 1] & rest[half:]


def _all(masks: Iterable[int]) -> int:
    # All bits set, the neutral element of AND, at any width.
    word = -1
    for mask in masks:
        word &= mask
    return word
