"""Which combinations of tensor and bit position are the most vulnerable?"""

import numpy as np

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
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
    """Harm by tensor and bit position; None with a single tensor or a single bit position."""
    space = results.space
    if len({site.name for site in space.sites}) < 2:
        return None
    if len({region.bits_of for region in space.regions}) > 1:
        text = (
            "Bits of words of several formats have no common axis; in Python, "
            'results.rate(by="tensor, bit") has the rates.'
        )
        return Section("cells", "Tensor by bit", (Text(text),))
    struck = {r.bits(variant) for r in space.regions for variant in range(r.variants)}
    if not 2 <= len(struck) <= _BITS:
        return None
    part, names, all_of = _worst(results, harm)
    found: dict[str, Estimate] = part.rate(harm.column, by="tensor,bit")
    groups = ["+".join(map(str, some)) for some in sorted(struck, key=_highest, reverse=True)]
    table = [
        [found[key].value if (key := f"{name}, {bits}") in found else None for bits in groups]
        for name in names
    ]
    heat = Grid(names, [bit_name(bits) for bits in groups], table)
    cell = {f"{n}, {b}": (n, bit_name(b)) for n in names for b in groups}
    ranked = sorted((key for key in cell if key in found), key=lambda key: -found[key].value)
    seen = [key for key in ranked if found[key].value > 0]
    tried = sum(share is not None for row in table for share in row)
    if not seen:
        finding = (
            f"{harm.Rate}: 0 in all trials of the {tried:,} pairs of tensor and bit that "
            "were tried."
        )
    else:
        r = read(found[seen[0]])
        finding = (
            f"Bit {cell[seen[0]][1]} of {cell[seen[0]][0]} is the worst of {tried:,} pairs: "
            f"{r.value} {r.interval}; it is 0 in all trials of {tried - len(seen):,} pairs. "
            "Shades are means over the trials of a pair, often few."
        )
    if all_of:
        finding += f" The figure shows the {len(names)} of {all_of} tensors with the highest rates."
    picture = Picture(
        "cells",
        f"{harm.Rate} by tensor and bit position",
        finding,
        lambda narrow: grid(heat, narrow),
    )
    blocks: list[Picture | Table] = [picture]
    if seen:
        rows = tuple((*cell[key], *read(found[key])) for key in seen[: 3 * _SHOWN])
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
    struck, _, _ = space.locate(results.trials.at(results.numbers))
    part = results.only(results.numbers[np.isin(struck, places)])
    return part, [name for name in rates if name in chosen], len(rates)
