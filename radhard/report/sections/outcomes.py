"""Which outcome classes do the predictions fall into?"""

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.figures import bars
from radhard.report.main_figure import outcome_columns
from radhard.report.run_wording import enumeration
from radhard.results import Results

__all__ = ["outcomes"]

_NAMES = {
    "masked": ("masked", "all output values equal to the fault-free ones"),
    "noncritical": ("non-critical SDC", "different output values, same prediction"),
    "critical": ("critical SDC", "different prediction without any indication"),
    "due": ("DUE", "NaN in the output: detectable, unrecoverable error"),
}


def outcomes(results: Results) -> Section | None:
    """The four outcome classes, for each error rate if there are several."""
    columns = outcome_columns(results)
    if not columns or not len(results):
        return None
    found = {
        name: results.estimates(column, results.usual_split, 0.95)
        for name, column in columns.items()
    }
    groups = list(found["masked"])
    named = {column: _NAMES[column][0] for column in columns}
    said_of = {column: _NAMES[column][1] for column in columns}
    if "infinite='due'" in columns["due"]:
        said_of["due"] = said_of["due"].replace("NaN", "NaN or infinity")
    drawn = [(group, [found[name][group].value for name in columns]) for group in groups]
    classes = [(_NAMES[name][0], name) for name in columns]
    shares = enumeration(
        [" ".join((*read(found[n][groups[-1]])[:2], _NAMES[n][0])) for n in columns]
    )
    at = f" at an error rate of {groups[-1]}" if results.by_rate else ""
    picture = Picture(
        "outcomes",
        "Outcome classes",
        f"Of all predictions under a fault{at}: {shares}.",
        lambda narrow: bars(drawn, classes, narrow),
    )
    head = ("error rate",) if results.by_rate else ()
    meaning = () if results.by_rate else ("meaning",)
    rows = tuple(
        (
            *((group,) if head else ()),
            name,
            *((said_of[column],) if meaning else ()),
            *read(found[column][group]),
        )
        for group in groups
        for column, name in named.items()
    )
    table = Table(
        "Share of predictions in each class",
        (*head, "class", *meaning, "share", *COLUMNS),
        rows,
        words=1 + len(head) + len(meaning),
        shown=2 * len(columns) if len(groups) > 2 else None,
    )
    classes_of = {results.details[column].role for column in columns.values()}
    about = [
        c
        for c in results.columns
        if c not in columns.values() and results.details[c].role in classes_of
    ]
    text = (
        "SDC is silent data corruption. Predictions are compared with the fault-free ones, not "
        "with the labels."
    )
    if (engine := str(results.manifest.get("engine", ""))) and engine != "Serial()":
        text += (
            " Masked means equal to the last bit. Whether a tiny change is masked depends on the "
            f"order of additions and therefore on the engine, here {engine}; the section "
            "Configuration contains the size of this effect. Critical SDC and DUE do not depend on "
            "it."
        )
    if about:
        text += f" Not shown here: {', '.join(results.details.meaning(c) for c in about)}."
    return Section("outcomes", "Outcomes", (picture, Text(text), table))
