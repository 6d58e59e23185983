"""Which bits of a word are the most vulnerable?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from radhard.formats import Format
from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_column
from radhard.report.few_trials import read_marked
from radhard.report.figures import Bit, bits
from radhard.report.main_figure import MainFigure
from radhard.report.sections.bit_groups import bit_axis, bit_name, by_size
from radhard.results import Results
from radhard.space import Region
from radhard.stats import Estimate

__all__ = ["bit_positions"]

_TITLE = "Most vulnerable bits"

_DRAWN = 64
"""Maximum number of positions in the figure; hundreds of pairs of bits would be unreadable."""


def bit_positions(results: Results, harm: MainFigure) -> Section:
    """Harm by bit position, the most significant first, and by field."""
    if not all(fault.by_bit for fault in results.space.faults):
        whole = ", ".join(repr(fault) for fault in results.space.faults if not fault.by_bit)
        text = (
            f"{whole}: these faults change words as a whole, so that there are no bit positions to "
            'compare; in Python, results.rate(by="fault") compares fault models.'
        )
        return Section("bits", _TITLE, (Text(text),))
    by_bit: Mapping[str, Estimate] = results.rate(harm.column, by="bit")
    by_field: Mapping[str, Estimate] = results.rate(harm.column, by="field")
    kinds: dict[str, list[Region]] = {}
    for region in results.space.regions:
        kinds.setdefault(region.bits_of, []).append(region)
    if len(kinds) == 1:
        (regions,) = kinds.values()
        return Section("bits", _TITLE, _of_words(regions, by_bit, by_field, harm))
    blocks: list[Picture | Table | Text] = []
    for number, (kind, regions) in enumerate(kinds.items(), start=1):
        every = [(r, variant) for r in regions for variant in range(r.variants)]
        groups = {"+".join(map(str, r.bits(variant))) for r, variant in every}
        fields = {"+".join(r.fields(variant)) for r, variant in every}
        # Groups are named with the format of their words, as their bits are not the same.
        bit_rates, field_rates = (
            {name: rates[key] for name in names if (key := f"{kind} {name}") in rates}
            for rates, names in ((by_bit, groups), (by_field, fields))
        )
        if bit_rates:
            blocks += _of_words(regions, bit_rates, field_rates, harm, kind, number)
    return Section("bits", _TITLE, tuple(blocks))


def _of_words(
    regions: Sequence[Region],
    by_bit: Mapping[str, Estimate],
    by_field: Mapping[str, Estimate],
    harm: MainFigure,
    kind: str = "",
    number: int = 1,
) -> tuple[Picture | Table | Text, ...]:
    """The picture and tables of words of one kind; ``kind`` names it where there are several."""
    field, word = _fields(regions), regions[0].word
    of = f" of {kind}" if kind else ""
    crowded = len(by_bit) > _DRAWN
    order = sorted(by_bit, key=_position, reverse=True)
    positions = [Bit(bit_name(name), field[name], by_bit[name]) for name in order]
    blocks: list[Picture | Table | Text] = []
    if not crowded:
        blocks += _pictures(positions, order, word, harm, of, "" if number == 1 else f"-{number}")
    fields = sorted(by_field, key=lambda name: _rank(name, word))
    blocks.append(
        Table(
            f"{harm.Rate} by field of the word{of}",
            ("field", "rate", *COLUMNS),
            tuple(
                (_field_name(name, word), *reading)
                for name, reading in zip(
                    fields, read_marked([by_field[name] for name in fields]), strict=True
                )
            ),
        )
    )
    if crowded:
        text = (
            f"{len(field):,} combinations of bits{of} are too many for a figure, and most have few "
            'trials; in Python, results.rate(by="bit") returns those with trials.'
        )
        return (*blocks, Text(text))
    rows = tuple(
        (p.name, p.field.replace("+", " and "), *reading)
        for p, reading in zip(positions, read_marked([p.rate for p in positions]), strict=True)
    )
    blocks.append(
        Table(
            f"{harm.Rate} by bit position{of}",
            ("bit", "field", "rate", *COLUMNS),
            rows,
            words=2,
            shown=0,
        )
    )
    return tuple(blocks)


def _pictures(
    positions: Sequence[Bit],
    groups: Sequence[str],
    word: Format,
    harm: MainFigure,
    of: str,
    suffix: str,
) -> list[Picture]:
    """A picture for faults of one bit, one for faults of two bits, and so on."""
    pictures, sizes = [], by_size(groups)
    for size, own in sizes.items():
        names, axis = bit_axis(own)
        chosen = [p for p, group in zip(positions, groups, strict=True) if group in own]
        drawn = [replace(bit, name=name) for bit, name in zip(chosen, names, strict=True)]
        under = f", faults of {size} bit{'s' if size > 1 else ''}" if len(sizes) > 1 else ""
        pictures.append(
            Picture(
                f"bits{suffix}" if size == min(sizes) else f"bits{suffix}-of-{size}",
                f"{harm.Rate} by bit position{of}{under}",
                _finding(chosen, harm, of, under.removeprefix(", ")),
                lambda narrow, drawn=drawn, axis=axis: bits(  # type: ignore[misc]
                    drawn, word.fields, harm.rate, narrow, axis=axis
                ),
            )
        )
    return pictures


def _position(group: str) -> tuple[int, ...]:
    return tuple(sorted((int(bit) for bit in group.split("+")), reverse=True))


def _fields(regions: Sequence[Region]) -> dict[str, str]:
    """The field of every group of bits, in words of one format."""
    named = {}
    for region in {repr(region.fault): region for region in regions}.values():
        for variant in range(region.variants):
            positions = region.bits(variant)
            parts = dict.fromkeys(region.word.field(bit) for bit in reversed(positions))
            named["+".join(map(str, positions))] = "+".join(parts)
    return named


def _rank(name: str, word: Format) -> tuple[int, ...]:
    return tuple(sorted(word.fields.index(part) for part in name.split("+")))


def _field_name(name: str, word: Format) -> str:
    return " and ".join(word.fields[at] for at in _rank(name, word))


def _finding(positions: Sequence[Bit], harm: MainFigure, of: str, under: str) -> str:
    seen = [p for p in positions if p.rate.value > 0]
    at = f"{of}, {under}" if under else of
    if not seen:
        return (
            f"{harm.Rate}: 0 in all trials at every bit position{at}; the whiskers are the "
            "intervals."
        )
    worst = max(seen, key=lambda p: p.rate.value)
    reading = read_column([p.rate for p in positions])[positions.index(worst)]
    field = worst.field.replace("+", " and ")
    bit = f"bit {worst.name}{of} ({field})"
    which = f"Of {under}, those in {bit} have" if under else f"B{bit[1:]} has"
    text = f"{which} the highest {harm.rate}: {reading}."
    silent = len(positions) - len(seen)
    if silent:
        single = silent == 1
        text += (
            f" It is 0 in all trials at {silent} of {len(positions)} "
            f"position{'s' if len(positions) > 1 else ''} ({'a ring' if single else 'rings'}); the "
            "whiskers are the intervals."
        )
    return text
