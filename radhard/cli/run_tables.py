"""How is a run shown in a terminal?"""

from collections.abc import Mapping, Sequence

from radhard.cli.estimate_table import EstimateTable, plain_table
from radhard.cli.terminal import Terminal
from radhard.escaping import printable
from radhard.group_labels import labels
from radhard.narrowing import is_wide, narrowing
from radhard.notes import Note
from radhard.report.main_figure import MainFigure, main_figure, outcome_columns
from radhard.report.point_differences import numbers_in_points
from radhard.results import Results
from radhard.samplers import Grouping
from radhard.stats import Estimate, estimate_column, percent

__all__ = ["show_results"]

_MOST_ROWS = 12
_MOST_LAYERS = 8
_TOP_BITS = 5


def show_results(results: Results, terminal: Terminal, *, begun: bool = False) -> None:
    """Print the main figure of a run, one table of its figures, and its notes.

    ``begun``: the run file had the campaign already, and notes on the model were printed then.
    """
    harm = main_figure(results)
    done = f"{len(results):,}" + ("" if results.complete else f" of {results.planned:,}")
    terminal.say("")
    if results.has_mean(harm.column):
        _show_headline(results, harm, terminal)
    state = "" if results.complete else ", unfinished"
    terminal.say(f"{done} trials of {results.space!r}{state}")
    if terminal.verbose:
        terminal.say(f"drawn by {results.sampler!r} with seed {results.seed}; intervals of 95 %")
    if len(results):
        grouping = results.trials.grouping
        if grouping is not None:
            _show_rates(results, harm, grouping, terminal)
        else:
            _show_figures(results, harm, terminal)
    _show_notes(results, harm, terminal, begun=begun)


def _show_headline(results: Results, harm: MainFigure, terminal: Terminal) -> None:
    """The main figure; of several error rates at the lowest and the highest."""
    rates = results.estimates(harm.column, results.usual_split, 0.95)
    if not results.by_rate:
        terminal.say(f"{harm.Rate}  {_without_basis(rates[''])}", "bold", always=True)
        return
    # One if there is a single rate.
    ends = list(dict.fromkeys([next(iter(rates)), next(reversed(rates))]))
    text = ", ".join(f"{_without_basis(rates[x])} at {x}" for x in ends)
    terminal.say(f"{harm.Rate}  {text}", "bold", always=True)


def _without_basis(estimate: Estimate) -> str:
    return str(estimate).rpartition(" (")[0] if estimate.low < estimate.high else str(estimate)


def _show_rates(results: Results, harm: MainFigure, by: Grouping, terminal: Terminal) -> None:
    """One row for each error rate, and one column for each figure that fits."""
    bounded = _bounded(results)
    scores = results.details.scores()
    preferred = [harm.column, *(scores[:1] if scores else ()), *outcome_columns(results).values()]
    # In order of importance, as a narrow terminal shows the first ones only.
    columns = [c for c in dict.fromkeys([*preferred, *bounded]) if c in bounded]
    free = results.fault_free_score
    groups = list(results.estimates(columns[0], by.name, 0.95)) if columns else []
    names = ["no faults", *groups]
    cells: dict[str, list[str]] = {}
    for column in columns:
        rates = results.estimates(column, by.name, 0.95)
        texts = [str(text) for text in estimate_column([rates[x] for x in groups], mark="")]
        of_none = free is not None and scores is not None and column == scores[0]
        first = f"{percent(free or 0.0).rstrip(' %')}" if of_none else ""
        cells[_head(printable(results.details.meaning(column)))] = [first, *texts]
    first_width = max(map(len, [by.quantity, *names]))
    tables = _chunks(cells, terminal.console.width - first_width)
    shown = tables if terminal.verbose else tables[:1]
    for heads in shown:
        table = plain_table("")
        table.add_column(by.quantity, no_wrap=True, header_style="dim")
        for head in heads:
            table.add_column(head, justify="right", min_width=max(map(len, cells[head])))
        for row, name in enumerate(names):
            # That without faults has a value in the column of a score only.
            if any(values := [cells[head][row] for head in heads]):
                table.add_row(name, *values)
        terminal.show(table)
    if more := len(cells) - sum(map(len, shown)):
        terminal.say(f"{more} more figure{'' if more == 1 else 's'} with -v", "dim")
    _show_unbounded(results, terminal)


def _head(meaning: str) -> str:
    """The head of a column of shares; a drop says in its name that it is in points."""
    return meaning if meaning.endswith("in points") else f"{meaning}, %"


def _chunks(cells: Mapping[str, Sequence[str]], width: int) -> list[list[str]]:
    """The heads of the columns, for as many tables as are needed if each has this width."""
    tables: list[list[str]] = [[]]
    left = width
    for head, texts in cells.items():
        # A head is wrapped between its words; cells are not.
        needed = max(map(len, [*texts, *head.split()])) + 2
        if needed > left and tables[-1]:
            tables.append([])
            left = width
        tables[-1].append(head)
        left -= needed
    return tables


def _show_figures(results: Results, harm: MainFigure, terminal: Terminal) -> None:
    """The effects of the faults and, below, the main figure of the most vulnerable layers."""
    classes = list(outcome_columns(results).values())
    scores, free = results.details.scores(), results.fault_free_score
    table, without = EstimateTable(head="share"), 0
    for column in dict.fromkeys([*classes, *(scores or ()), *_bounded(results)]):
        meaning = results.details.meaning(column)
        if scores is not None and column == scores[0] and free is not None:
            exact = Estimate(free, free, free, 0.95, 0)
            table.add(f"{meaning.partition(' under')[0]} without faults", exact, 1.0)
        if results.has_mean(column):
            rate = results.rate(column)
            if results.details[column].role == "drop":
                table.add(meaning, numbers_in_points(rate), 100.0)
            else:
                table.add(meaning, rate, 1.0)
    if harm.bounded:
        rates = dict(results.rate(harm.column, by="layer"))
        most = sorted(rates, key=lambda x: -rates[x].value)[:_MOST_LAYERS]
        layers = len(set(labels(results.space, "layer")))
        which = "by layer" if len(most) == layers else f"of {len(most)} of {layers} layers"
        without = layers - len(rates)
        table.add_section(f"{harm.rate} {which}")
        for layer in (x for x in rates if x in most):
            table.add(f"  {layer}", rates[layer], rates[most[0]].value)
    terminal.show(table.rendered(terminal.console))
    if without:
        terminal.say(f"no trials in {without} layer{'' if without == 1 else 's'}", "dim")
    _show_unbounded(results, terminal)
    if not harm.bounded:
        return
    if terminal.verbose:
        _show_more(results, harm, terminal)
    rate = results.rate(harm.column)
    if (
        is_wide(rate)
        and not terminal.quiet
        and (what := narrowing(results, harm.column)) is not None
    ):
        terminal.say(f"wide interval, {what}")


def _show_more(results: Results, harm: MainFigure, terminal: Terminal) -> None:
    """The main figure by layer, field and bit."""
    for by in ("layer", "field", "bit"):
        rates = dict(results.rate(harm.column, by=by))
        most = list(rates)[:_MOST_ROWS]
        if by == "bit":
            most = sorted(rates, key=lambda x: -rates[x].value)[:_TOP_BITS]
        table = EstimateTable(by, f"{harm.Rate} by {by}")
        if len(most) < len(rates):
            table.title += f", {len(most)} of {len(rates):,}"
        for name in most:
            table.add(name, rates[name], max(rates[x].value for x in most))
        terminal.show(table.rendered(terminal.console))


def _show_unbounded(results: Results, terminal: Terminal) -> None:
    bounded = _bounded(results)
    for column in results.tabled:
        if column not in bounded:
            terminal.say(f"{results.details.meaning(column)}  {results.described(column)}")
    if more := len(results.columns) - len(results.tabled):
        terminal.say(
            f"{more:,} figures of single samples are in the run file and on its page", "dim"
        )


def _bounded(results: Results) -> list[str]:
    return [c for c in results.tabled if results.has_mean(c)]


def _show_notes(
    results: Results, harm: MainFigure, terminal: Terminal, *, begun: bool = False
) -> None:
    """The notes that concern the results; all of them if verbose."""
    if terminal.verbose:
        for note in results.notes:
            terminal.say(f"note: {note}", "dim")
        return
    more = [note for note in results.notes if note.of_execution or (begun and _of_model(note))]
    for note in results.notes:
        # That of an accuracy near chance was printed as a warning before the first trial.
        if note not in more and note.kind != "near chance":
            terminal.say(f"note: {note}", "dim")
    said = [note.brief(_decisive(results, harm)) for note in more if note.kind == "audit"]
    hidden = len(more) - len(said)
    if hidden:
        said.append(f"{hidden} note{'' if hidden == 1 else 's'} on the execution with -v")
    if said:
        terminal.say("; ".join(said), "dim")


def _of_model(note: Note) -> bool:
    """Whether it says how the model was found, which changes nothing about how to read results."""
    return note.kind == "training mode"


def _decisive(results: Results, harm: MainFigure) -> Sequence[str]:
    """The figures that decide whether a trial is harmful."""
    due = outcome_columns(results).get("due")
    return [harm.column, *([due] if due is not None else [])]
