"""How is a run shown in a terminal?"""

from collections.abc import Mapping

import numpy as np
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from radhard.escaping import printable
from radhard.report.main_figure import MainFigure, main_figure, outcome_columns
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["bar", "say", "say_whole", "show_results"]

_MOST_ROWS = 12
_TOP_BITS = 5
_NARROW = 64
"""Terminal width below which bars and numbers of trials are omitted."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_BAR = 16


def show_results(results: Results, console: Console) -> None:
    """Print the main figure of a run, its other figures, and the most vulnerable parts."""
    harm = main_figure(results)
    done = f"{len(results):,}" + ("" if results.complete else f" of {results.planned:,}")
    state = "" if results.complete else ", unfinished"
    console.print()
    if len(results) and harm.bounded and not results.by_rate:
        value, interval, _ = _parts(results.rate(harm.column))
        say(console, f"{harm.Rate}  {value} {interval}", "bold")
    say(console, f"{done} trials of {results.space!r}{state}")
    say(console, f"drawn by {results.sampler!r} with seed {results.seed}; intervals of 95 %")
    if len(results):
        _show_tables(results, harm, console)
    for note in results.manifest.get("notes") or ():
        say(console, f"note: {note}", "dim")
    console.print()


def _show_tables(results: Results, harm: MainFigure, console: Console) -> None:
    if (grouping := results.trials.grouping) is not None:
        for column in _bounded(results):
            _show(
                console,
                results.details.meaning(column),
                grouping.quantity,
                results.rate(column, by=grouping.name),
            )
    else:
        _show_figures(results, console)
        if harm.bounded:
            for by in ("layer", "field"):
                _show(console, f"{harm.Rate} by {by}", by, results.rate(harm.column, by=by))
            bits = results.rate(harm.column, by="bit")
            most = sorted(bits, key=lambda bit: -bits[bit].value)[:_TOP_BITS]
            title = f"{harm.Rate}, most harmful bits"
            _show(console, title, "bit", {bit: bits[bit] for bit in most})
    console.print()


def _bounded(results: Results) -> list[str]:
    return [c for c in results.columns if np.isfinite(results.ranges[c]).all()]


def _show_figures(results: Results, console: Console) -> None:
    classes = list(outcome_columns(results).values())
    bounded = _bounded(results)
    ordered = classes + [column for column in bounded if column not in classes]
    figures = {results.details.meaning(column): results.rate(column) for column in ordered}
    if figures:
        _show(console, "Effects of the faults", "", figures, full=1.0)
    for column in results.columns:
        if column not in bounded:
            say(console, f"{results.details.meaning(column)}  {results.described(column)}")


def _show(
    console: Console,
    title: str,
    first: str,
    figures: Mapping[str, Estimate],
    full: float | None = None,
) -> None:
    """A table with one row per figure; bars are relative to ``full``, or to the largest figure."""
    wide = console.width >= _NARROW
    table = Table(
        title=Text(printable(title)),
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=0,
    )
    table.padding = (0, 2, 0, 0)
    table.add_column(first, overflow="fold", header_style="dim")
    table.add_column("rate" if full is None else "share", justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True, header_style="dim")
    if wide:
        table.add_column("trials", justify="right", no_wrap=True, header_style="dim")
        table.add_column("", no_wrap=True, style="cyan")
    shown = list(figures.items())[:_MOST_ROWS]
    most = full or max((estimate.value for _, estimate in shown), default=0.0)
    for name, estimate in shown:
        value, interval, trials = _parts(estimate)
        row: list[RenderableType] = [Text(printable(name)), value, interval]
        drawn = bar(estimate.value, most, plain=not console.encoding.startswith("utf"))
        table.add_row(*row, *([trials, drawn] if wide else []))
    console.print()
    console.print(table, highlight=False)
    if len(figures) > len(shown):
        say(console, f"and {len(figures) - len(shown):,} more, which the report shows")


def _parts(estimate: Estimate) -> tuple[str, str, str]:
    figure, _, basis = str(estimate).rpartition(" (")
    value, _, interval = figure.partition(" [")
    return value, "exact" if basis.startswith("exact") else f"[{interval}", f"{estimate.trials:,}"


def bar(value: float, most: float, *, plain: bool) -> str:
    """A bar with a length proportional to ``value / most``."""
    eighths = round(8 * _BAR * max(value, 0.0) / most) if most > 0 else 0
    full, rest = divmod(min(eighths, 8 * _BAR), 8)
    if plain:
        return "#" * full
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def say(console: Console, text: str, style: str = "") -> None:
    """Print a line of text without markup, with control characters escaped."""
    console.print(printable(text), style=style, highlight=False, markup=False)


def say_whole(console: Console, text: str) -> None:
    """Print a line without wrapping, so that it can be copied."""
    console.print(printable(text), soft_wrap=True, highlight=False, markup=False)
