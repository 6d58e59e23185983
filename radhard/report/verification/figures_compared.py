"""Which figures differ between two runs?"""

from radhard.comparison import compare
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read, with_interval
from radhard.report.main_figure import MainFigure
from radhard.report.verification.run_pair import RunPair

__all__ = ["figures_compared"]


def figures_compared(pair: RunPair, harm: MainFigure, texts: tuple[Text, ...] = ()) -> Section:
    """Harm and accuracy in both runs, with the difference of each, and texts below."""
    columns = [c for c in pair.before.details.scores() or () if c in pair.after.columns]
    rows = []
    for column in dict.fromkeys([harm.column, *columns]):
        name = harm.rate if column == harm.column else pair.before.details.meaning(column)
        for row in compare(*pair.runs, column).rows:
            named = f"{name} at {row.group}" if row.group else name
            values = map(with_interval, (row.before, row.after))
            rows.append((named, *values, *read(row.difference)))
    title = f"Figures {pair.both}"
    caption = f"{title}; differences are in points"
    table = Table(caption, ("figure", *pair.labels, "difference", *COLUMNS), tuple(rows))
    return Section("compared", title, (table, *texts))
