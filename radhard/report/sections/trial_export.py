"""How does a reader get all trials as a table, and compute the rate from them?"""

from pathlib import Path

from radhard.report.blocks import Code, Section, Text
from radhard.report.main_figure import MainFigure
from radhard.report.trust_option import trust_to_open
from radhard.results import Results
from radhard.trial_table import CORRECTION

__all__ = ["trial_export"]


def trial_export(results: Results, harm: MainFigure, store: Path | None) -> Section:
    """The lines of Python that write the trials of the run, and give the rate of this page."""
    explained = (
        "Every trial is a row, with its fault, the stratum it was drawn from, its weight and its "
        "figures. A weight is the share of the faults that a trial stands for"
    )
    if (grouping := results.trials.grouping) is not None:
        explained += f", among those of the same {grouping.quantity}"
    explained += "."
    if not harm.bounded:
        return Section(
            "trials", "The trials as a table", (Text(explained), Code(_written(results, store)))
        )
    column = harm.column
    figure = f'trials["{column}"]'
    if results.means.corrections(column).any():
        figure = f'({figure} + trials["{column}{CORRECTION}"])'
        explained += (
            " Verdicts that were inferred and then executed are partly wrong; what they add to the "
            "rate is in the column of corrections."
        )
    products = f'trials["weight"] * {figure}'
    if results.by_rate:
        rate = f'({products}).groupby(trials["{results.usual_split}"]).sum()'
    else:
        rate = f"({products}).sum()  # {results.rate(column).value:.9g}"
    explained += f" The last line is the {harm.rate} of this page:"
    lines = [
        _written(results, store),
        "",
        "import pandas as pd",
        'trials = pd.read_csv("trials.csv")',
        rate,
    ]
    return Section("trials", "The trials as a table", (Text(explained), Code("\n".join(lines))))


def _written(results: Results, store: Path | None) -> str:
    """Code that writes the table."""
    if store is None:
        opened = "results = rh.run(...)  # the original call; this run was not stored in a file"
    else:
        foreign = ", foreign=True" if trust_to_open(results) else ""
        opened = f"results = rh.Results.open({store.as_posix()!r}{foreign})"
    return f'import radhard as rh\n{opened}\nresults.export("trials.csv")'
