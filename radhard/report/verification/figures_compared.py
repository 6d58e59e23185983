"""Which figures differ between two runs?"""

from radhard.comparison import compare
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read, read_column
from radhard.report.main_figure import MainFigure
from radhard.report.point_differences import numbers_in_points
from radhard.report.verification.run_pair import RunPair

__all__ = ["figures_compared"]


def figures_compared(pair: RunPair, harm: MainFigure, texts: tuple[Text, ...] = ()) -> Section:
    """Harm and accuracy in both runs, with the difference of each, and texts below."""
    columns = [c for c in pair.before.details.scores() or () if c in pair.after.columns]
    rows = []
    for column in dict.fromkeys([harm.column, *columns]):
        name = harm.rate if column == harm.column else pair.before.details.meaning(column)
        drop = pair.before.details[column].role == "drop"
        name = name.replace(", in points", ", points") if drop else name
        for row in compare(*pair.runs, column).rows:
            named = f"{name} at {row.group}" if row.group else name
            both = (row.before, row.after)
            values = map(str, read_column([numbers_in_points(x) if drop else x for x in both]))
            rows.append((named, *values, *read(numbers_in_points(row.difference))))
    title = f"Figures {pair.both}"
    caption = f"{title}; points are percentage points"
    table = Table(caption, ("figure", *pair.labels, "difference, points", *COLUMNS), tuple(rows))
    return Section("compared", title, (table, *texts))
