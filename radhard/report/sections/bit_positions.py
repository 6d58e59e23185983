"""Which bits of a word are to blame?"""

from collections.abc import Mapping

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.figures import Bit, bits
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.space import FaultSpace
from radhard.stats import Estimate

__all__ = ["bit_name", "bit_positions"]

_TITLE = "Which bits are to blame"

_DRAWN = 64
"""Most positions in the figure: pairs of bits are hundreds, and no picture."""


def bit_positions(results: Results, harm: MainFigure) -> Section:
    """The picture everyone looks for: harm by bit position, the highest first, and by field."""
    space = results.space
    by_bit: Mapping[str, Estimate] = results.rate(harm.column, by="bit")
    by_field: Mapping[str, Estimate] = results.rate(harm.column, by="field")
    field = _fields(space)
    crowded = len(by_bit) > _DRAWN
    order = sorted(by_bit, key=_position, reverse=True)
    positions = [Bit(bit_name(name), field[name], by_bit[name]) for name in order]
    blocks: list[Picture | Table | Text] = []
    if not crowded:
        blocks.append(
            Picture(
                "bits",
                f"{harm.Rate} by bit position",
                _finding(positions, harm),
                lambda narrow: bits(positions, space.format.fields, harm.rate, narrow),
            )
        )
    fields = sorted(by_field, key=lambda name: _rank(name, space))
    blocks.append(
        Table(
            f"{harm.Rate} by field of the word",
            ("field", "rate", *COLUMNS),
            tuple((_field_name(name, space), *read(by_field[name])) for name in fields),
        )
    )
    if crowded:
        text = (
            f"{space.variants:,} combinations of bits are too many to draw, and most had few "
            'trials; in Python, results.rate(by="bit") has those that were tried.'
        )
        return Section("bits", _TITLE, (*blocks, Text(text)))
    rows = tuple((p.name, p.field.replace("+", " and "), *read(p.rate)) for p in positions)
    blocks.append(
        Table(
            f"{harm.Rate} by bit position",
            ("bit", "field", "rate", *COLUMNS),
            rows,
            words=2,
            shown=0,
        )
    )
    return Section("bits", _TITLE, tuple(blocks))


def bit_name(group: str) -> str:
    """A group of bits struck together, short where they are neighbours.

    >>> bit_name("30"), bit_name("3+4+5"), bit_name("3+7")
    ('30', '5–3', '7+3')
    """
    members = [int(bit) for bit in group.split("+")]
    if len(members) > 1 and members[-1] - members[0] == len(members) - 1:
        return f"{members[-1]}–{members[0]}"
    return "+".join(str(bit) for bit in reversed(members))


def _position(group: str) -> tuple[int, ...]:
    return tuple(sorted((int(bit) for bit in group.split("+")), reverse=True))


def _fields(space: FaultSpace) -> dict[str, str]:
    """The field of every group of bits."""
    named = {}
    for variant in range(space.variants):
        struck = space.fault.struck(variant, space.format)
        parts = dict.fromkeys(space.format.field(bit) for bit in reversed(struck))
        named["+".join(map(str, struck))] = "+".join(parts)
    return named


def _rank(name: str, space: FaultSpace) -> tuple[int, ...]:
    return tuple(sorted(space.format.fields.index(part) for part in name.split("+")))


def _field_name(name: str, space: FaultSpace) -> str:
    return " and ".join(space.format.fields[at] for at in _rank(name, space))


def _finding(positions: list[Bit], harm: MainFigure) -> str:
    seen = [p for p in positions if p.rate.value > 0]
    if not seen:
        return f"{harm.Rate}: nothing was seen at any bit position; the whiskers say what may be."
    worst = max(seen, key=lambda p: p.rate.value)
    r = read(worst.rate)
    text = (
        f"Bit {worst.name} ({worst.field.replace('+', ' and ')}) has the highest {harm.rate}: "
        f"{r.value} {r.interval}."
    )
    silent = len(positions) - len(seen)
    if silent:
        one = silent == 1
        text += (
            f" At {silent} of {len(positions)} position{'s' if len(positions) > 1 else ''} nothing "
            f"was seen ({'a ring' if one else 'rings'}); the whiskers say what may be there."
        )
    return text
