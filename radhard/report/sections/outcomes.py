"""Which outcome classes do the predictions fall into?"""

from collections.abc import Mapping

from radhard.metrics.column import Role
from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, Reading, read_column
from radhard.report.figures import bars
from radhard.report.main_figure import outcome_columns
from radhard.report.run_wording import enumeration
from radhard.results import Results
from radhard.samplers import Grouping
from radhard.stats import Estimate

__all__ = ["CLASS_NAMES", "outcomes"]

_Rates = Mapping[Role, Mapping[str, Estimate]]
"""The rates of each class, by group."""

_NAMES: dict[Role, tuple[str, str]] = {
    "masked": ("masked", "all output values equal to the fault-free ones"),
    "noncritical": ("non-critical SDC", "different output values, same prediction"),
    "critical": ("critical SDC", "different prediction without any indication"),
    "due": ("DUE", "NaN in the output: detectable, unrecoverable error"),
}

CLASS_NAMES: dict[Role, str] = {role: name for role, (name, _) in _NAMES.items()}
"""The outcome classes as they are named in pages."""


def outcomes(results: Results) -> Section | None:
    """The four outcome classes, for each error rate if there are several."""
    columns = outcome_columns(results)
    if not columns or not len(results):
        return None
    # Of few trials of one sample each, none may have been measured.
    if results.untried or not all(map(results.has_mean, columns.values())):
        left = [f"{_NAMES[name][0]}: {results.described(c)}." for name, c in columns.items()]
        return Section("outcomes", "Outcomes", tuple(Text(text) for text in left))
    rates = {
        name: results.estimates(column, results.usual_split, 0.95)
        for name, column in columns.items()
    }
    blocks = (
        _picture(rates, results.trials.grouping),
        Text(_explanation(results, columns)),
        _table(rates, results.trials.grouping, infinite="infinite='due'" in columns["due"]),
    )
    return Section("outcomes", "Outcomes", blocks)


def _picture(rates: _Rates, grouping: Grouping | None) -> Picture:
    groups = list(rates["masked"])
    rows = [(group, [rates[name][group].value for name in rates]) for group in groups]
    classes = [(_NAMES[name][0], name) for name in rates]
    readings = _readings(rates)
    shares = enumeration([f"{readings[name, groups[-1]]} {_NAMES[name][0]}" for name in rates])
    at = "" if grouping is None else f" {grouping.at} {groups[-1]}"
    return Picture(
        "outcomes",
        "Outcome classes",
        f"Of all predictions under a fault{at}: {shares}.",
        lambda narrow: bars(rows, classes, narrow),
    )


def _table(rates: _Rates, grouping: Grouping | None, *, infinite: bool) -> Table:
    """The share of each class; ``infinite``: whether infinities count as DUE."""
    meanings = {name: _NAMES[name][1] for name in rates}
    if infinite:
        # With infinite='due' a metric counts infinity as detectable, too.
        meanings["due"] = meanings["due"].replace("NaN", "NaN or infinity")
    groups, readings = list(rates["masked"]), _readings(rates)
    # Rows at several error rates name the rate; the meanings would repeat in each group.
    head = ("class", "meaning") if grouping is None else (grouping.quantity, "class")
    rows = tuple(
        (
            *((group, _NAMES[name][0]) if grouping else (_NAMES[name][0], meanings[name])),
            *readings[name, group],
        )
        for group in groups
        for name in rates
    )
    return Table(
        "Share of predictions in each class",
        (*head, "share", *COLUMNS),
        rows,
        words=len(head),
        shown=2 * len(rates) if len(groups) > 2 else None,
    )


def _readings(rates: _Rates) -> dict[tuple[Role, str], Reading]:
    """The texts of all rates of the table, by class and group."""
    keys = [(name, group) for name, by_group in rates.items() for group in by_group]
    texts = read_column([rates[name][group] for name, group in keys])
    return dict(zip(keys, texts, strict=True))


def _explanation(results: Results, columns: Mapping[Role, str]) -> str:
    """What the classes mean, and which figures of the run are not shown."""
    text = (
        "SDC is silent data corruption. Predictions are compared with the fault-free ones, not "
        "with the labels."
    )
    if (engine := str(results.manifest.get("engine", ""))) and engine != "Serial()":
        text += (
            " Masked means equal to the last bit. Whether a tiny change is masked depends on the "
            f"order of additions and therefore on the engine, here {engine}; the section "
            "Evidence contains the size of this effect. Critical SDC and DUE do not depend on "
            "it."
        )
    roles = {results.details[column].role for column in columns.values()}
    others = [
        column
        for column in results.columns
        if column not in columns.values() and results.details[column].role in roles
    ]
    if others:
        meanings = ", ".join(results.details.meaning(column) for column in others)
        text += f" Not shown here: {meanings}."
    return text
