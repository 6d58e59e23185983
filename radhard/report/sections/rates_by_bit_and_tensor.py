"""Which combinations of tensor and bit position are the most vulnerable?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_column
from radhard.report.few_trials import FEW, is_few, read_marked
from radhard.report.figures import Grid, grid
from radhard.report.main_figure import MainFigure
from radhard.report.sections.bit_groups import bit_axis, bit_name, by_size
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
    # Bit 7 is a sign here and a mantissa there.
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
    pairs = _Pairs(names, groups, rates)
    finding = _finding(harm, pairs.harmful, len(pairs.tried))
    if pairs.weak:
        finding += _few_trials(pairs)
    if all_of:
        finding += f" The figure shows the {len(names)} of {all_of} tensors with the highest rates."
    blocks: list[Picture | Table] = [*_pictures(pairs, harm, finding)]
    if pairs.harmful:
        worst = pairs.harmful[: 3 * _SHOWN]
        texts = read_marked([rate for _, _, rate in worst])
        blocks.append(
            Table(
                "Tensor and bit with the highest rates",
                ("tensor", "bit", "rate", *COLUMNS),
                tuple((*pair[:2], *reading) for pair, reading in zip(worst, texts, strict=True)),
                words=2,
                shown=_SHOWN,
            )
        )
    return Section("cells", "Tensor by bit", tuple(blocks))


@dataclass(frozen=True)
class _Pairs:
    """The rates of pairs of tensor and bit position."""

    names: Sequence[str]
    """Of the tensors, which are the rows of the figure."""
    groups: Sequence[str]
    """Of the bits that a fault changes, the highest first: the columns."""
    rates: Mapping[str, Estimate]
    """By ``"tensor, bit"``; pairs without trials are missing."""

    @cached_property
    def tried(self) -> dict[tuple[int, int], Estimate]:
        """The rates of the pairs that have trials, by row and column."""
        return {
            (row, column): self.rates[key]
            for row, name in enumerate(self.names)
            for column, group in enumerate(self.groups)
            if (key := f"{name}, {group}") in self.rates
        }

    @cached_property
    def weak(self) -> frozenset[tuple[int, int]]:
        """Row and column of the pairs that rest on few trials."""
        return frozenset(at for at, rate in self.tried.items() if is_few(rate))

    @property
    def marked(self) -> frozenset[tuple[int, int]]:
        """The pairs of few trials that the figure marks."""
        # Marks in most cells would mark none.
        return self.weak if len(self.weak) <= len(self.tried) / 2 else frozenset()

    @cached_property
    def harmful(self) -> list[tuple[str, str, Estimate]]:
        """Tensor, bit and rate of the pairs with any harm, the highest rate first."""
        ranking = sorted(self.tried.items(), key=lambda pair: -pair[1].value)
        return [
            (self.names[row], bit_name(self.groups[column]), rate)
            for (row, column), rate in ranking
            if rate.value > 0
        ]

    def heat(self, groups: Sequence[str]) -> Grid:
        """The figure of some of the groups."""
        columns = [self.groups.index(group) for group in groups]
        shares = [
            [
                self.tried[row, column].value if (row, column) in self.tried else None
                for column in columns
            ]
            for row in range(len(self.names))
        ]
        marked = frozenset(
            (row, columns.index(column)) for row, column in self.marked if column in columns
        )
        names, axis = bit_axis(groups)
        return Grid(self.names, names, shares, marked, axis)


def _pictures(pairs: _Pairs, harm: MainFigure, finding: str) -> list[Picture]:
    """A picture for faults of one bit, one for faults of two bits, and so on."""
    pictures, sizes = [], by_size(pairs.groups)
    for size, groups in sizes.items():
        heat, first = pairs.heat(groups), size == min(sizes)
        under = f"faults of {size} bit{'s' if size > 1 else ''}"
        title = f"{harm.Rate} by tensor and bit position"
        said = finding if first else f"The same for {under}."
        pictures.append(
            Picture(
                "cells" if first else f"cells-of-{size}",
                title if len(sizes) == 1 else f"{title}, {under}",
                f"{finding} This figure is of {under}." if first and len(sizes) > 1 else said,
                lambda narrow, heat=heat: grid(heat, narrow),  # type: ignore[misc]
            )
        )
    return pictures


def _few_trials(pairs: _Pairs) -> str:
    """How many pairs rest on few trials."""
    weak, tried = len(pairs.weak), len(pairs.tried)
    which = f"All {tried:,}" if weak == tried else f"{weak:,} of the {tried:,}"
    marks = " (marked by a bar)." if pairs.marked else "."
    return f" {which} pairs rest on fewer than {FEW} trials{marks}"


def _finding(harm: MainFigure, harmful: Sequence[tuple[str, str, Estimate]], tried: int) -> str:
    """The main finding: ``harmful`` are tensor, bit and rate, the highest rate first."""
    if not harmful:
        return (
            f"{harm.Rate}: 0 in all trials of the {tried:,} pairs of tensor and bit that "
            "were tried."
        )
    readings = read_column([rate for _, _, rate in harmful[: 3 * _SHOWN]])
    # A pair with one trial may have the highest rate by chance.
    known = [at for at in range(len(readings)) if not is_few(harmful[at][2])]
    first = known[0] if known else 0
    name, bit, rate = harmful[first]
    which = f"{tried:,} pairs"
    if known and any(is_few(rate) for _, _, rate in harmful):
        which = f"the pairs with at least {FEW} trials"
    elif not known:
        which += f", in {rate.trials:,} trial{'' if rate.trials == 1 else 's'} only"
    return (
        f"Bit {bit} of {name} has the highest rate of {which}: {readings[first]}. The rate is 0 in "
        f"all trials of {tried - len(harmful):,} pairs. Shades are means over the trials of a pair."
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
