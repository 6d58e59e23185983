"""How are groups of bits ordered and named along an axis?"""

from collections.abc import Iterable, Sequence

__all__ = ["bit_axis", "bit_name", "by_size"]


def bit_name(group: str) -> str:
    """The name of a group of bits in one fault; a range if they are adjacent.

    >>> bit_name("30"), bit_name("3+4+5"), bit_name("3+7")
    ('30', '5–3', '7+3')
    """
    members = [int(bit) for bit in group.split("+")]
    if len(members) > 1 and _adjacent(members):
        return f"{members[-1]}–{members[0]}"
    return "+".join(str(bit) for bit in reversed(members))


def by_size(groups: Iterable[str]) -> dict[int, list[str]]:
    """The groups by their number of bits: several fault models have no common axis.

    >>> by_size(["31", "30+31", "30"])
    {1: ['31', '30'], 2: ['30+31']}
    """
    found: dict[int, list[str]] = {}
    for group in groups:
        found.setdefault(group.count("+") + 1, []).append(group)
    return dict(sorted(found.items()))


def bit_axis(groups: Sequence[str]) -> tuple[list[str], str]:
    """What the positions of an axis are called, as short as they can be, and what the axis is.

    >>> bit_axis(["31", "30"])
    (['31', '30'], 'bit position')
    >>> bit_axis(["30+31", "29+30"])
    (['31', '30'], 'highest of 2 adjacent bits')
    >>> bit_axis(["3+7", "2"])
    (['7+3', '2'], 'bit positions')
    """
    members = [[int(bit) for bit in group.split("+")] for group in groups]
    sizes = {len(bits) for bits in members}
    if len(sizes) == 1 and all(map(_adjacent, members)):
        (size,) = sizes
        axis = "bit position" if size == 1 else f"highest of {size} adjacent bits"
        return [str(bits[-1]) for bits in members], axis
    return [bit_name(group) for group in groups], "bit positions"


def _adjacent(bits: Sequence[int]) -> bool:
    return bits[-1] - bits[0] == len(bits) - 1
