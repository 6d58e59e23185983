"""Which further figures were measured?"""

from radhard.errors import InputError
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.main_figure import outcome_columns
from radhard.report.point_differences import in_points
from radhard.results import Results

__all__ = ["figures_left"]


def figures_left(results: Results) -> Section | None:
    """All figures except the outcome classes; None if there are no others."""
    # Those of classes and samples have sections of their own.
    shown = set(outcome_columns(results).values())
    details = results.details
    columns = [c for c in results.columns if c not in shown and details[c].part is None]
    if not columns or not len(results):
        return None
    rows: list[tuple[str, ...]] = []
    notes: list[Text] = []
    for column in columns:
        try:
            rows += _rows(results, column)
        except InputError as error:
            notes.append(Text(f"{results.details.meaning(column)} cannot be computed: {error}."))
    table = Table(
        "Means over all faults; medians of figures without bounds",
        ("figure", "value", *COLUMNS),
        tuple(rows),
    )
    return Section("figures", "Other figures", (*([table] if rows else []), *notes))


def _rows(results: Results, column: str) -> list[tuple[str, ...]]:
    name, drop = results.details.meaning(column), results.details[column].role == "drop"
    name = name.removesuffix(", in points") if drop else name
    if column in _unbounded(results):
        return [(f"{name}, median", *read(results.quantile(column, 0.5)))]
    return [
        (f"{name} at {group}" if group else name, *read(in_points(estimate) if drop else estimate))
        for group, estimate in results.estimates(column, results.usual_split, 0.95).items()
    ]


def _unbounded(results: Results) -> set[str]:
    return {c for c, (low, high) in results.ranges.items() if max(-low, high) == float("inf")}
