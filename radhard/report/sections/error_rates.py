"""How do the figures change with the error rate?"""

from collections.abc import Iterable, Mapping

from radhard.comparison import accumulation
from radhard.report.blocks import Picture, Section, Table
from radhard.report.estimate_cells import COLUMNS, Reading, read_rows
from radhard.report.figures import Curve, curves
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.samplers import Cumulative, Grouping

__all__ = ["error_rates"]


def error_rates(results: Results, harm: MainFigure) -> Section:
    """Harm and accuracy at every error rate, as curves and a table."""
    grouping = results.trials.grouping
    assert grouping is not None
    columns = {harm.column: (harm.rate, "critical", "o")}
    if (scores := results.details.scores()) is not None:
        columns[scores[0]] = (results.details[scores[0]].meaning, "field2", "s")
    rates = {column: results.estimates(column, grouping.name, 0.95) for column in columns}
    order = sorted(rates[harm.column], key=float)
    # A rate of 0 has no place on a logarithmic axis; the table has it.
    drawn = [
        Curve(name, paint, mark, [(float(r), rates[column][r]) for r in order if float(r) > 0])
        for column, (name, paint, mark) in columns.items()
    ]
    counts, title = _faults(results, grouping), f"Effect of the {grouping.quantity}"
    readings = {column: read_rows(rates[column]) for column in columns}
    rows = tuple(
        (rate, counts[rate], name, *readings[column][rate])
        for rate in order
        for column, (name, _, _) in columns.items()
    )
    table = Table(
        f"By {grouping.quantity}",
        (_heading(grouping), "faults per trial, mean", "figure", "value", *COLUMNS),
        rows,
        words=3,
    )
    tables = (table, *_histories(results, columns))
    if not any(curve.points for curve in drawn):
        return Section("rates", title, tables)
    picture = Picture(
        "rates",
        f"{harm.Rate} versus {grouping.quantity}",
        _finding(readings, columns, order, grouping),
        lambda narrow: curves(drawn, grouping.per, narrow, quantity=grouping.quantity),
    )
    return Section("rates", title, (picture, *tables))


def _histories(results: Results, columns: Iterable[str]) -> list[Table]:
    """The spread of the histories of accumulated faults; nothing for other trials."""
    if not isinstance(results.sampler, Cumulative):
        return []
    tables = []
    for column in columns:
        frame = accumulation(results, column).frame
        shown = frame[["errors", "mean", "std", "best", "worst"]].to_numpy(dtype=float)
        rows = tuple(
            (f"{int(row[0])}", *(f"{number:.4g}" for number in row[1:])) for row in shown.tolist()
        )
        name = f"Histories: {results.details.meaning(column)}"
        tables.append(Table(name, ("errors", "mean", "deviation", "best", "worst"), rows))
    return tables


def _heading(grouping: Grouping) -> str:
    return f"{grouping.quantity} per {grouping.per}" if grouping.per else grouping.quantity


def _finding(
    readings: Mapping[str, Mapping[str, Reading]],
    columns: Mapping[str, tuple[str, str, str]],
    order: list[str],
    grouping: Grouping,
) -> str:
    parts = []
    for column, (name, _, _) in columns.items():
        first, last = readings[column][order[0]], readings[column][order[-1]]
        parts.append(f"{name} {first}" if len(order) == 1 else f"{name} from {first} to {last}")
    at = f"{grouping.at} {order[0]}" if len(order) == 1 else _between(grouping, order)
    return (
        f"{at[0].upper()}{at[1:]}: {'; '.join(parts)}. Bands are 95 % confidence intervals over "
        "the trials."
    )


def _between(grouping: Grouping, order: list[str]) -> str:
    return f"{grouping.quantity} from {order[0]} to {order[-1]}"


def _faults(results: Results, grouping: Grouping) -> dict[str, str]:
    """Mean number of faults in a trial of each group."""
    frame = results.to_frame()
    means = frame.groupby(frame[grouping.name].map(grouping.value))["faults"].mean()
    return {str(rate): f"{mean:,.4g}" for rate, mean in means.items()}
