"""Which combinations of tensor and bit position are the most vulnerable?"""

from collections.abc import Sequence

import numpy as np

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.few_trials import FEW, is_few, read_marked
from radhard.report.figures import Grid, grid
from radhard.report.main_figure import MainFigure
from radhard.report.sections.bit_positions import bit_name
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["cells"]

_TENSORS = 24
_BITS = 64
_SHOWN = 8


def cells(results: Results, harm: MainFigure) -> Section | None:
    """Harm by tensor and bit position.

    None with a single tensor, a single bit position, or faults that change whole words.
    """
    space = results.space
    if len({site.name for site in space.sites}) < 2 or not all(f.by_bit for f in space.faults):
        return None
    if len({region.bits_of for region in space.regions}) > 1:
        text = (
            "Bits of words of several formats have no common axis; in Python, "
            'results.rate(by="tensor, bit") has the rates.'
        )
        return Section("cells", "Tensor by bit", (Text(text),))
    variants = {r.bits(variant) for r in space.regions for variant in range(r.variants)}
    if not 2 <= len(variants) <= _BITS:
        return None
    part, names, all_of = _worst(results, harm)
    rates: dict[str, Estimate] = part.rate(harm.column, by="tensor,bit")
    groups = ["+".join(map(str, bits)) for bits in sorted(variants, key=_highest, reverse=True)]
    shares = [
        [rates[key].value if (key := f"{name}, {bits}") in rates else None for bits in groups]
        for name in names
    ]
    weak = frozenset(
        (row, column)
        for row, name in enumerate(names)
        for column, bits in enumerate(groups)
        if (rate := rates.get(f"{name}, {bits}")) is not None and is_few(rate)
    )
    cell = {f"{n}, {b}": (n, bit_name(b)) for n in names for b in groups}
    ranking = sorted((key for key in cell if key in rates), key=lambda key: -rates[key].value)
    harmful = [(*cell[key], rates[key]) for key in ranking if rates[key].value > 0]
    tried = sum(share is not None for row in shares for share in row)
    # Marks in most cells would mark none.
    marked = weak if len(weak) <= tried / 2 else frozenset()
    heat = Grid(names, [bit_name(bits) for bits in groups], shares, marked)
    finding = _finding(harm, harmful, tried)
    if weak:
        which = f"All {tried:,}" if len(weak) == tried else f"{len(weak):,} of the {tried:,}"
        finding += f" {which} pairs rest on fewer than {FEW} trials" + (
            " (marked by a bar)." if marked else "."
        )
    if all_of:
        finding += f" The figure shows the {len(names)} of {all_of} tensors with the highest rates."
    title = f"{harm.Rate} by tensor and bit position"
    blocks: list[Picture | Table] = [
        Picture("cells", title, finding, lambda narrow: grid(heat, narrow))
    ]
    if harmful:
        rows = tuple((name, bit, *read_marked(rate)) for name, bit, rate in harmful[: 3 * _SHOWN])
        blocks.append(
            Table(
                "Tensor and bit with the highest rates",
                ("tensor", "bit", "rate", *COLUMNS),
                rows,
                words=2,
                shown=_SHOWN,
            )
        )
    return Section("cells", "Tensor by bit", tuple(blocks))


def _finding(harm: MainFigure, harmful: Sequence[tuple[str, str, Estimate]], tried: int) -> str:
    """The main finding: ``harmful`` are tensor, bit and rate, the highest rate first."""
    if not harmful:
        return (
            f"{harm.Rate}: 0 in all trials of the {tried:,} pairs of tensor and bit that "
            "were tried."
        )
    name, bit, rate = harmful[0]
    worst = read(rate)
    return (
        f"Bit {bit} of {name} is the worst of {tried:,} pairs: {worst.value} {worst.interval}; it "
        f"is 0 in all trials of {tried - len(harmful):,} pairs. Shades are means over the trials "
        "of a pair."
    )


def _highest(bits: tuple[int, ...]) -> tuple[int, ...]:
    return bits[::-1]


def _worst(results: Results, harm: MainFigure) -> tuple[Results, list[str], int]:
    """The trials in the most vulnerable tensors, these tensors, and the number of all tensors.

    The number is 0 if these are all of them. There is a limit because intervals for thousands of
    cells take long to compute.
    """
    rates: dict[str, Estimate] = results.rate(harm.column, by="tensor")
    if len(rates) <= _TENSORS:
        return results, list(rates), 0
    chosen = set(sorted(rates, key=lambda name: -rates[name].value)[:_TENSORS])
    space = results.space
    places = [at for at, site in enumerate(space.sites) if site.name in chosen]
    regions, _, _ = space.locate(results.trials.at(results.numbers))
    part = results.only(results.numbers[np.isin(regions, places)])
    return part, [name for name in rates if name in chosen], len(rates)
