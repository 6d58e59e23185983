"""Which bits of a word are sampled, or evaluated, together?"""

from radhard.space import FaultSpace
from radhard.space.region import Region

__all__ = ["bit_class", "bit_classes"]

_FRACTIONS = ("mantissa", "fraction")

_KEPT = 5
"""Upper bits of a fraction that stay by themselves: lower ones change a value by less than 2 %."""


def bit_class(region: Region, variant: int) -> str:
    """The class of a variant: its highest bit, or ``"low"`` for the lower bits of a fraction.

    The upper 5 bits of a mantissa or fraction stay by themselves: in `Float32` bits 0 to 17 are one
    class. Faults that change words as a whole are one class.
    """
    if not region.fault.by_bit:
        return "all"
    bit = max(region.bits(variant), default=None)
    if bit is None:
        return "none"
    field = region.word.field(bit)
    above = sum(region.word.field(b) == field for b in range(bit + 1, region.word.bits))
    return "low" if field in _FRACTIONS and above >= _KEPT else str(bit)


def bit_classes(space: FaultSpace) -> list[list[str]]:
    """The class of every variant of every region; only words of one format share classes."""
    known: dict[tuple[str, str], list[str]] = {}
    found = []
    for region in space.regions:
        key = repr(region.fault), region.bits_of
        if key not in known:
            word = f"{region.bits_of} {region.fault!r} "
            known[key] = [word + bit_class(region, v) for v in range(region.variants)]
        found.append(known[key])
    return found
