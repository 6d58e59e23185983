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
    heat, title = pairs.heat, f"{harm.Rate} by tensor and bit position"
    blocks: list[Picture | Table] = [
        Picture("cells", title, finding, lambda narrow: grid(heat, narrow))
    ]
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

    @property
    def heat(self) -> Grid:
        """The figure."""
        shares = [
            [
                self.tried[row, column].value if (row, column) in self.tried else None
                for column in range(len(self.groups))
            ]
            for row in range(len(self.names))
        ]
        return Grid(self.names, [bit_name(bits) for bits in self.groups], shares, self.marked)


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
    name, bit, _ = harmful[0]
    worst = read_column([rate for _, _, rate in harmful[: 3 * _SHOWN]])[0]
    return (
        f"Bit {bit} of {name} is the worst of {tried:,} pairs: {worst}; it "
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
