"""Which elements of an array, registers and cycles are the most vulnerable?"""

from collections.abc import Mapping, Sequence

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_rows
from radhard.report.few_trials import FEW, is_few
from radhard.report.figures import Grid, grid
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.space import Region
from radhard.stats import Estimate
from radhard.targets import Registers

__all__ = ["array_elements"]

_LARGEST = 32
"""Rows or columns of an array of which each element is drawn."""

_SHOWN = 8

_NONE = "(none)"


def array_elements(results: Results, harm: MainFigure) -> Section | None:
    """Harm by processing element, by class of register and by cycle; None without registers."""
    regions = [region for region in results.space.regions if region.site.role == "register"]
    if not regions:
        return None
    registers = _by_register(results, harm, regions)
    if not registers.rows:
        # Of a small share of the space, as beside weights, few trials may take none.
        text = "No trial was in a register, so nothing is known of them; take more trials."
        return Section("array", "Registers of the array", (Text(text),))
    picture, worst = _by_element(results, harm, regions)
    blocks: list[Picture | Table | Text] = [picture]
    cycles = _by_cycle(results, harm)
    blocks += [*([cycles] if cycles else []), registers, *worst]
    covered = len({region.site.layer for region in regions})
    left_out = [note.facts["tensors"] for note in results.notes if note.kind == "left out"]
    names = ", ".join(str(name) for tensors in left_out for name in tensors)
    if names:
        text = f"Faults are in {covered} layer{'s' * (covered != 1)}, and not in {names}."
        blocks.append(Text(text))
    return Section("array", "Registers of the array", tuple(blocks))


def _by_register(results: Results, harm: MainFigure, regions: Sequence[Region]) -> Table:
    rates: Mapping[str, Estimate] = results.rate(harm.column, by="register")
    layers = len({region.site.layer for region in regions})
    of = "1 layer" if layers == 1 else f"{layers} layers"
    rows = tuple((name, *reading) for name, reading in read_rows(rates).items() if name != _NONE)
    caption = f"{harm.Rate} by class of register, in the cycles of {of}"
    return Table(caption, ("register", "rate", *COLUMNS), rows)


def _by_element(
    results: Results, harm: MainFigure, regions: Sequence[Region]
) -> tuple[Picture | Text, list[Table]]:
    """The array, or why it is not drawn, and the elements with the highest rates."""
    sizes = {region.site.shape[-2:] for region in regions}
    arrays = {repr(r.target.array) for r in regions if isinstance(r.target, Registers)}
    ((rows, columns), *others) = sizes
    if others or len(arrays) > 1:
        text = "There are several arrays, whose elements are not the same; make a run of each."
        return Text(text), []
    if max(rows, columns) > _LARGEST:
        text = (
            f"An array of {rows} x {columns} elements is too large for a figure; in Python, "
            'results.rate(by="row, column") returns the rates of its elements.'
        )
        return Text(text), []
    rates: Mapping[str, Estimate] = results.rate(harm.column, by="row, column")
    names = [[f"{row}, {column}" for column in range(columns)] for row in range(rows)]
    heat, weak = _heat(rates, names)
    cells = Grid(
        [f"row {row}" for row in range(rows)],
        [str(column) for column in range(columns)],
        heat,
        weak,
        axis="column of the array",
    )
    tried = {name: rates[name] for own in names for name in own if name in rates}
    places = {name: f"row {name.replace(', ', ', column ')}" for name in tried}
    finding = _finding(harm, tried, places, "elements")
    title = f"{harm.Rate} by processing element"
    picture = Picture("elements", title, finding, lambda narrow: grid(cells, narrow))
    harmful = sorted((n for n in tried if tried[n].value > 0), key=lambda n: -tried[n].value)
    if not harmful:
        return picture, []
    listed = read_rows({name: tried[name] for name in harmful[: 3 * _SHOWN]})
    lines = tuple((places[name], *reading) for name, reading in listed.items())
    caption, heads = "Elements with the highest rates", ("element", "rate", *COLUMNS)
    return picture, [Table(caption, heads, lines, shown=_SHOWN)]


def _by_cycle(results: Results, harm: MainFigure) -> Picture | None:
    """The registers in the cycles of a tile; None if no trial was in a cycle."""
    rates: Mapping[str, Estimate] = results.rate(harm.column, by="register, cycle")
    tried = {name: rate for name, rate in rates.items() if _NONE not in name}
    if not tried:
        return None
    pairs = [name.split(", ") for name in tried]
    registers = list(dict.fromkeys(register for register, _ in pairs))
    cycles = sorted({cycle for _, cycle in pairs}, key=lambda cycle: int(cycle.partition("-")[0]))
    names = [[f"{register}, {cycle}" for cycle in cycles] for register in registers]
    heat, weak = _heat(tried, names)
    # A label has room for the first cycle of a range only; the axis says how long ranges are.
    starts = [cycle.partition("-")[0] for cycle in cycles]
    wide = cycles[0].partition("-")[2]
    axis = f"cycle of a tile (first of {int(wide) + 1})" if wide else "cycle of a tile"
    cells = Grid(registers, starts, heat, weak, axis=axis)
    between = " registers in cycles " if wide else " registers in cycle "
    places = {name: name.replace(", ", between) for name in tried}
    finding = _finding(harm, tried, places, "pairs of register and range of cycles")
    title = f"{harm.Rate} by register and cycle"
    return Picture("cycles", title, finding, lambda narrow: grid(cells, narrow))


def _heat(
    rates: Mapping[str, Estimate], names: Sequence[Sequence[str]]
) -> tuple[list[list[float | None]], frozenset[tuple[int, int]]]:
    """The value of every cell, and which rest on few trials; none where most do."""
    heat = [[rates[name].value if name in rates else None for name in own] for own in names]
    weak = frozenset(
        (row, column)
        for row, own in enumerate(names)
        for column, name in enumerate(own)
        if name in rates and is_few(rates[name])
    )
    return heat, weak if len(weak) <= len(rates) / 2 else frozenset()


def _finding(
    harm: MainFigure, rates: Mapping[str, Estimate], places: Mapping[str, str], what: str
) -> str:
    worst = max(rates, key=lambda name: rates[name].value)
    if rates[worst].value <= 0:
        text = f"{harm.Rate}: 0 in all trials of {len(rates):,} {what}."
    else:
        harmful = sorted((n for n in rates if rates[n].value > 0), key=lambda n: -rates[n].value)
        # As in the table of these.
        highest = read_rows({name: rates[name] for name in harmful[: 3 * _SHOWN]})[worst]
        text = (
            f"The highest {harm.rate} is that of {places[worst]}: {highest}; it is 0 in all trials "
            f"of {sum(rate.value <= 0 for rate in rates.values()):,} of {len(rates):,} {what}."
        )
    weak = sum(is_few(rate) for rate in rates.values())
    if weak:
        marked = " (marked by a bar)" if weak <= len(rates) / 2 else ""
        which = "All" if weak == len(rates) else f"{weak:,} of them"
        text += f" {which} rest on fewer than {FEW} trials{marked}."
    return text
