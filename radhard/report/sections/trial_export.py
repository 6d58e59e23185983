"""How does a reader get all trials as a table, and compute the rate from them?"""

import shlex
from pathlib import Path

from radhard.report.blocks import Code, Section, Text
from radhard.report.main_figure import MainFigure
from radhard.report.trust_option import trust_to_open
from radhard.results import Results
from radhard.trial_table import CORRECTION

__all__ = ["trial_export"]

_TITLE = "The trials as a table"


def trial_export(results: Results, harm: MainFigure, store: Path | None) -> Section:
    """How to write the trials of the run as a table, and the line that gives the rate from it."""
    explained = (
        "Every trial is a row, with its fault, the stratum it was drawn from, its weight and its "
        "figures. A weight is the share of the faults that a trial stands for"
    )
    if (grouping := results.trials.grouping) is not None:
        explained += f", among those of the same {grouping.quantity}"
    explained += "."
    written = _written(results, store)
    if not harm.bounded:
        return Section("trials", _TITLE, (Text(explained), written))
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
    lines = ["import pandas as pd", "", 'trials = pd.read_csv("trials.csv")', rate]
    last = Text(f"The last line is the {harm.rate} of this page:")
    return Section("trials", _TITLE, (Text(explained), written, last, Code("\n".join(lines))))


def _written(results: Results, store: Path | None) -> Code:
    """How the table is written: by a command, or in Python if there is no run file."""
    if store is not None:
        file = shlex.quote(store.as_posix())
        return Code(f"radhard report {file} -o trials.csv{trust_to_open(results)}", "sh")
    opened = "results = rh.run(...)  # the original call; this run was not stored in a file"
    return Code(f'import radhard as rh\n\n{opened}\nresults.export("trials.csv")')
