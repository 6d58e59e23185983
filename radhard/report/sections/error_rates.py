"""How do the figures change with the error rate?"""

from radhard.report.blocks import Picture, Section, Table
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.figures import Curve, curves
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.samplers import ErrorRate
from radhard.stats import Estimate

__all__ = ["error_rates"]


def error_rates(results: Results, harm: MainFigure) -> Section:
    """Harm and accuracy at every error rate, as curves and a table."""
    assert isinstance(results.sampler, ErrorRate)
    per = results.sampler.per
    columns = {harm.column: (harm.rate, "critical", "o")}
    if (scores := results.details.scores()) is not None:
        columns[scores[0]] = (results.details[scores[0]].meaning, "field2", "s")
    rates = {column: results.estimates(column, "rate", 0.95) for column in columns}
    order = sorted(rates[harm.column], key=float)
    drawn = [
        Curve(name, paint, mark, [(float(r), rates[column][r]) for r in order if float(r) > 0])
        for column, (name, paint, mark) in columns.items()
    ]
    counts = _faults(results)
    rows = tuple(
        (rate, counts[rate], name, *read(rates[column][rate]))
        for rate in order
        for column, (name, _, _) in columns.items()
    )
    table = Table(
        "By error rate",
        (f"error rate per {per}", "faults a trial", "figure", "value", *COLUMNS),
        rows,
        words=3,
    )
    if not any(curve.points for curve in drawn):
        return Section("rates", "Effect of the error rate", (table,))
    picture = Picture(
        "rates",
        f"{harm.Rate} versus error rate",
        _finding(rates, columns, order),
        lambda narrow: curves(drawn, per, narrow),
    )
    return Section("rates", "Effect of the error rate", (picture, table))


def _finding(
    rates: dict[str, dict[str, Estimate]],
    columns: dict[str, tuple[str, str, str]],
    order: list[str],
) -> str:
    parts = []
    for column, (name, _, _) in columns.items():
        first, last = read(rates[column][order[0]]), read(rates[column][order[-1]])
        parts.append(
            f"{name} {first.value} {first.interval}"
            + ("" if len(order) == 1 else f", then {last.value} {last.interval}")
        )
    text = (
        f"At {order[0]}"
        + ("" if len(order) == 1 else f" and {order[-1]}")
        + ": "
        + "; ".join(parts)
    )
    return f"{text}. Bands are 95 % intervals over the trials."


def _faults(results: Results) -> dict[str, str]:
    """Mean number of faults in a trial at each rate."""
    frame = results.to_frame()
    means = frame.groupby(frame["rate"].str.removeprefix("rate "))["faults"].mean()
    return {str(rate): f"{mean:,.4g} on average" for rate, mean in means.items()}
